// Claims of addresses, with nodes that are there and nodes that are not.
#include <map>

#include "controller/writer_fixture.h"

namespace heddle::controller {
namespace {

class IdleStream final : public LiveStream {
 public:
  void Close(absl::Status) override {}
  void SendAcceptRemovals() override {}
  void SendProbeRequest(const ProbeRequest&) override {}
  void OnOwnChange(const PeerChange&) override {}
};

class WriterAddressesTest : public WriterTest {
 protected:
  void SetUp() override { StartWithNetwork(); }

  void Attach(const std::string& node_id) {
    streams_[node_id] = std::make_shared<IdleStream>();
    const auto attached =
        registry_.Attach({node_id, "i", "192.0.2.1:1", "1", streams_[node_id]}, clock_.now);
    ASSERT_TRUE(attached.ok()) << attached.status();
    attachments_[node_id] = attached->attachment;
  }
  void Detach(const std::string& node_id) { registry_.Detach(node_id, attachments_[node_id]); }

  absl::StatusOr<LeaseGrant> Claim(const std::string& node_id, const std::string& address) {
    AcquireRequest request{node_id, TestAdvertisement(1), {}};
    request.advertisement.public_address[Family::kV4] = *Ip::Parse(address);
    absl::StatusOr<LeaseGrant> answer = absl::InternalError("no answer");
    writer_->Acquire(std::move(request),
                     [&](absl::StatusOr<LeaseGrant> result) { answer = std::move(result); });
    Run();
    return answer;
  }
  std::string AnnouncedOf(const std::string& node_id) {
    const Lease* lease = writer_->book().Find(node_id);
    if (lease == nullptr || !lease->advertisement) return "nothing";
    return lease->advertisement->public_address[Family::kV4]->ToString();
  }

  std::map<std::string, std::shared_ptr<IdleStream>> streams_;
  std::map<std::string, std::uint64_t> attachments_;
};

TEST_F(WriterAddressesTest, ANodeThatIsThereKeepsItsAddressAndOneThatIsGoneDoesNot) {
  Attach("a");
  ASSERT_TRUE(Claim("a", "192.0.2.1").ok());
  EXPECT_TRUE(absl::IsAlreadyExists(Claim("b", "192.0.2.1").status()));
  Detach("a");
  EXPECT_TRUE(Claim("b", "192.0.2.1").ok());
}

TEST_F(WriterAddressesTest, OneThatIsRefusedKeepsTheLeaseItHas) {
  Attach("a");
  Attach("b");
  ASSERT_TRUE(Claim("a", "192.0.2.1").ok());
  ASSERT_TRUE(Claim("b", "192.0.2.2").ok());
  const auto refused = Claim("b", "192.0.2.1");
  ASSERT_TRUE(refused.ok()) << refused.status();
  EXPECT_TRUE(absl::IsAlreadyExists(refused->refused));
  EXPECT_EQ(AnnouncedOf("b"), "192.0.2.2");
  EXPECT_EQ(AnnouncedOf("a"), "192.0.2.1");
  EXPECT_TRUE(Claim("b", "192.0.2.2")->refused.ok());
}

TEST_F(WriterAddressesTest, TwoThatChangePlacesComeThrough) {
  Attach("a");
  Attach("b");
  ASSERT_TRUE(Claim("a", "192.0.2.1").ok());
  ASSERT_TRUE(Claim("b", "192.0.2.2").ok());
  EXPECT_FALSE(Claim("a", "192.0.2.2")->refused.ok()) << "b has not said that it moves";
  EXPECT_TRUE(Claim("b", "192.0.2.1")->refused.ok()) << "a has said that it is not there";
  EXPECT_EQ(AnnouncedOf("a"), "nothing");
  EXPECT_TRUE(Claim("a", "192.0.2.2")->refused.ok());
  EXPECT_EQ(AnnouncedOf("a"), "192.0.2.2");
  EXPECT_EQ(AnnouncedOf("b"), "192.0.2.1");
  // And back, the other way round.
  EXPECT_FALSE(Claim("b", "192.0.2.2")->refused.ok());
  EXPECT_TRUE(Claim("a", "192.0.2.1")->refused.ok());
  EXPECT_TRUE(Claim("b", "192.0.2.2")->refused.ok());
}

TEST_F(WriterAddressesTest, OneThatCameBackToItsPlaceKeepsIt) {
  Attach("a");
  Attach("b");
  ASSERT_TRUE(Claim("a", "192.0.2.1").ok());
  ASSERT_TRUE(Claim("b", "192.0.2.2").ok());
  EXPECT_FALSE(Claim("a", "192.0.2.2")->refused.ok());
  EXPECT_TRUE(Claim("a", "192.0.2.1")->refused.ok());
  EXPECT_FALSE(Claim("b", "192.0.2.1")->refused.ok());
}

TEST_F(WriterAddressesTest, TwoAtOnceAreOneAfterTheOther) {
  std::vector<absl::StatusOr<LeaseGrant>> answers;
  for (const char* node_id : {"a", "b"}) {
    Attach(node_id);
    writer_->Acquire({node_id, TestAdvertisement(1), {}}, [&](absl::StatusOr<LeaseGrant> result) {
      answers.push_back(std::move(result));
    });
  }
  Run();
  ASSERT_EQ(answers.size(), 2u);
  EXPECT_TRUE(answers[0].ok()) << answers[0].status();
  EXPECT_TRUE(absl::IsAlreadyExists(answers[1].status())) << answers[1].status();
}

TEST_F(WriterAddressesTest, AnAdministratorsWordIsCommitted) {
  Attach("a");
  ASSERT_TRUE(Claim("a", "192.0.2.1").ok());
  absl::StatusOr<Committed> allowed = absl::InternalError("no answer");
  writer_->AllowAddress("b", *Ip::Parse("192.0.2.1"),
                        [&](absl::StatusOr<Committed> result) { allowed = std::move(result); });
  Run();
  ASSERT_TRUE(allowed.ok()) << allowed.status();
  Restart();
  EXPECT_TRUE(absl::IsAlreadyExists(Claim("c", "192.0.2.1").status()));
  EXPECT_TRUE(Claim("b", "192.0.2.1")->refused.ok());
}

}  // namespace
}  // namespace heddle::controller
