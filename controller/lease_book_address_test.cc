// Whose a public address is.
#include "controller/keys.h"
#include "controller/lease_book_test_bench.h"

namespace heddle::controller {
namespace {

class LeaseBookAddressTest : public ::testing::Test {
 protected:
  LeaseBookAddressTest() {
    bench_.SetNetwork(NetworkOf({RangeOf("10.3.0.0/16", 24, "10.3.1.0", "10.3.9.0"),
                                 RangeOf("fd00::/48", 64, "fd00:0:0:1::", "fd00:0:0:9::")}));
  }
  // "" when the node got it.
  std::string Claim(const std::string& node_id, const std::string& ipv4,
                    const std::string& ipv6 = "") {
    Advertisement advertisement = AdvertisementOf(1);
    advertisement.public_address[Family::kV4] = A(ipv4);
    if (!ipv6.empty()) advertisement.public_address[Family::kV6] = A(ipv6);
    const auto decision = bench_.book.DecideAcquire(
        node_id, advertisement, {}, bench_.now, nullptr,
        [this](const std::string& holder, const Ip&) { return there_.contains(holder); });
    if (!decision.ok()) return decision.status().ToString();
    bench_.Run(decision);
    bench_.Check();
    return "";
  }
  bool IsAnnounced(const std::string& node_id) {
    const Lease* lease = bench_.book.Find(node_id);
    return lease != nullptr && lease->advertisement.has_value();
  }

  BookBench bench_;
  absl::flat_hash_set<std::string> there_{"a", "b"};
};

TEST_F(LeaseBookAddressTest, AnAddressOfANodeThatIsThereIsRefused) {
  ASSERT_EQ(Claim("a", "192.0.2.1"), "");
  const std::string refused = Claim("b", "192.0.2.1");
  for (const char* part : {"ALREADY_EXISTS", "'a'", "'b'", "192.0.2.1",
                           "`heddlectl node allow-address b 192.0.2.1`"}) {
    EXPECT_NE(refused.find(part), std::string::npos) << part << " in " << refused;
  }
  EXPECT_EQ(bench_.book.Find("b"), nullptr);
  EXPECT_EQ(Claim("a", "192.0.2.1"), "") << "its own";
  EXPECT_EQ(Claim("b", "192.0.2.2"), "");
}

TEST_F(LeaseBookAddressTest, EachFamilyCounts) {
  ASSERT_EQ(Claim("a", "192.0.2.1", "2001:db8::1"), "");
  EXPECT_NE(Claim("b", "192.0.2.2", "2001:db8::1"), "");
  EXPECT_EQ(Claim("b", "192.0.2.2", "2001:db8::2"), "");
}

TEST_F(LeaseBookAddressTest, ThatOfANodeThatIsAwayIsTakenAndItsAnnouncementWithdrawn) {
  ASSERT_EQ(Claim("a", "192.0.2.1"), "");
  const std::string subnet = bench_.SubnetsOf("a");
  there_.erase("a");
  EXPECT_EQ(Claim("b", "192.0.2.1"), "");
  EXPECT_FALSE(IsAnnounced("a"));
  EXPECT_EQ(bench_.SubnetsOf("a"), subnet) << "it may come back elsewhere";
  ASSERT_GE(bench_.told.size(), 2u);
  EXPECT_FALSE(bench_.told[bench_.told.size() - 2].peer && bench_.told.back().peer);
  there_.insert("a");
  EXPECT_NE(Claim("a", "192.0.2.1"), "") << "it is b's now";
  EXPECT_EQ(Claim("a", "192.0.2.3"), "");
  EXPECT_EQ(bench_.SubnetsOf("a"), subnet);
}

TEST_F(LeaseBookAddressTest, WhatAnAdministratorGaveIsThatNodesEvenWhileItIsAway) {
  ASSERT_EQ(Claim("a", "192.0.2.1"), "");
  bench_.Run(bench_.book.DecideAllowAddress("b", A("192.0.2.1")));
  EXPECT_TRUE(IsAnnounced("a")) << "until b claims it";
  EXPECT_EQ(bench_.book.FindGranted("a", *bench_.book.Find("a")->advertisement, {}, bench_.now),
            nullptr)
      << "not without the leader";
  EXPECT_NE(Claim("a", "192.0.2.1").find("given to the node 'b'"), std::string::npos);
  EXPECT_EQ(Claim("b", "192.0.2.1"), "") << "though a is there";
  EXPECT_FALSE(IsAnnounced("a"));
  there_.erase("b");
  EXPECT_NE(Claim("c", "192.0.2.1"), "");
  bench_.Run(bench_.book.DecideAllowAddress("", A("192.0.2.1")));
  EXPECT_EQ(Claim("c", "192.0.2.1"), "") << "b is away, and it is nobody's in particular";
}

TEST_F(LeaseBookAddressTest, GivingAnAddressIsCheckedAndIdempotent) {
  const auto code = [&](const std::string& node_id, const std::string& address) {
    return bench_.book.DecideAllowAddress(node_id, A(address)).status().code();
  };
  EXPECT_EQ(code("a", "127.0.0.1"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("A b", "192.0.2.1"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code("", "192.0.2.1"), absl::StatusCode::kNotFound);
  bench_.Run(bench_.book.DecideAllowAddress("a", A("192.0.2.1")));
  EXPECT_TRUE(bench_.book.DecideAllowAddress("a", A("192.0.2.1"))->transaction.writes.empty());
}

TEST_F(LeaseBookAddressTest, TwoInFlightNeverGetTheSame) {
  Advertisement advertisement = AdvertisementOf(1);
  const auto first = bench_.book.DecideAcquire("a", advertisement, {}, bench_.now);
  ASSERT_TRUE(first.ok());
  bench_.book.Claim(*first);
  const auto second = bench_.book.DecideAcquire("b", advertisement, {}, bench_.now);
  EXPECT_TRUE(absl::IsAborted(second.status())) << second.status();
  bench_.book.Unclaim(*first);
  EXPECT_TRUE(bench_.book.DecideAcquire("b", advertisement, {}, bench_.now).ok());
}

TEST_F(LeaseBookAddressTest, AGiftThatCannotBeReadIsNobodys) {
  const BookChanges changes = bench_.Inject(AddressKey(A("192.0.2.1")), "\xff");
  EXPECT_EQ(changes.problems.size(), 1u);
  EXPECT_NE(Claim("a", "192.0.2.1"), "");
  bench_.Run(bench_.book.DecideAllowAddress("a", A("192.0.2.1")));
  EXPECT_EQ(Claim("a", "192.0.2.1"), "");
}

}  // namespace
}  // namespace heddle::controller
