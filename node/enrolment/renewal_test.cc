#include <gmock/gmock.h>

#include "node/enrolment/enrolment_fixture.h"

namespace heddle::node {
namespace {

using RenewalTest = EnrolmentFixture;
using testing::HasSubstr;

identity::TestTerm Term(absl::Duration past, absl::Duration rest) {
  return {absl::Now() - past, absl::Now() + rest};
}

TEST_F(RenewalTest, RenewsInTheLastThirdWithAnotherKey) {
  const identity::Credentials old = identity::MakeTestCredentials(
      fake_.authority(), "node/h1", Term(absl::Seconds(90), absl::Seconds(40)));
  WriteIdentity(old);
  options_.controllers = fake_.Ticket().controllers;
  options_.join_file.clear();
  Start();
  ASSERT_TRUE(Soon([&] { return Serial() != old.leaf.serial; })) << enrolment_->Problem();
  const identity::Credentials kept = OnDisk();
  EXPECT_EQ(kept.leaf.serial, Serial());
  EXPECT_NE(kept.leaf.key_digest, old.leaf.key_digest);
  EXPECT_EQ(ModeOf(options_.state.identity), 0600);
  absl::SleepFor(absl::Milliseconds(300));
  EXPECT_EQ(fake_.renewals(), 1) << "the new one has all its life before it";
}

TEST_F(RenewalTest, LeavesAYoungCertificateAlone) {
  WriteIdentity(identity::MakeTestCredentials(fake_.authority(), "node/h1"));
  options_.controllers = fake_.Ticket().controllers;
  Start();
  absl::SleepFor(absl::Milliseconds(500));
  EXPECT_EQ(fake_.renewals(), 0);
}

TEST_F(RenewalTest, AFailureIsToldOnlyWhenTimeIsShort) {
  WriteIdentity(identity::MakeTestCredentials(fake_.authority(), "node/h1",
                                              Term(absl::Seconds(75), absl::Seconds(25))));
  options_.controllers = fake_.Ticket().controllers;
  fake_.set_gate(
      [](const std::string&) { return grpc::Status(grpc::StatusCode::UNAVAILABLE, "no leader"); });
  Start();
  ASSERT_TRUE(Soon([&] { return fake_.renewals() >= 2; })) << "tried again";
  EXPECT_EQ(enrolment_->Problem(), "");
  enrolment_.reset();
  WriteIdentity(identity::MakeTestCredentials(fake_.authority(), "node/h1",
                                              Term(absl::Seconds(96), absl::Seconds(4))));
  Start();
  EXPECT_TRUE(ProblemHas("is not renewed yet")) << enrolment_->Problem();
  EXPECT_TRUE(ProblemHas("no leader")) << enrolment_->Problem();
  fake_.set_gate(nullptr);
  EXPECT_TRUE(Soon([&] { return enrolment_->Problem().empty(); })) << enrolment_->Problem();
}

// A hostile answer changes nothing that is on the disk.
TEST_F(RenewalTest, AHostileAnswerIsLeftAside) {
  const identity::Credentials old = identity::MakeTestCredentials(
      fake_.authority(), "node/h1", Term(absl::Seconds(75), absl::Seconds(25)));
  WriteIdentity(old);
  options_.controllers = fake_.Ticket().controllers;
  fake_.set_twist([&](auto* answer) { answer->set_chain_pem(old.chain_pem); });
  Start();
  ASSERT_TRUE(Soon([&] { return fake_.renewals() >= 2; }));
  EXPECT_EQ(Serial(), old.leaf.serial);
  EXPECT_EQ(OnDisk().leaf.serial, old.leaf.serial);
}

TEST_F(RenewalTest, RenewsSoonWhenAnotherRootSigns) {
  const identity::Authority next = identity::MakeTestAuthority();
  const identity::Credentials old = identity::MakeTestCredentials(
      fake_.authority(), "node/h1", Term(absl::Seconds(5), absl::Seconds(20)));
  WriteIdentity(old);
  options_.controllers = fake_.Ticket().controllers;
  Start();
  const std::string both = fake_.authority().root().pem + next.root().pem;
  enrolment_->TakeTrust({both, fake_.authority().root().key_id});
  ASSERT_TRUE(Soon([&] { return identity::ParseRoots(OnDisk().roots_pem)->size() == 2; }));
  EXPECT_EQ(Serial(), old.leaf.serial) << "the same root signs";

  fake_.Promote(next);
  enrolment_->TakeTrust({both, next.root().key_id});
  ASSERT_TRUE(Soon([&] { return Serial() != old.leaf.serial; })) << enrolment_->Problem();
  EXPECT_EQ(enrolment_->Current()->leaf.issuer, next.root().key_id);
}

// The former root goes, but the node's certificate is still of it, and controllers' may be.
TEST_F(RenewalTest, TheRootOfTheOwnCertificateStaysUntilThatIsRenewed) {
  const identity::Authority next = identity::MakeTestAuthority();
  const identity::Credentials old = identity::MakeTestCredentials(
      fake_.authority(), "node/h1", Term(absl::Hours(1), absl::Hours(5)));
  WriteIdentity(old);
  options_.controllers = fake_.Ticket().controllers;
  Start();
  enrolment_->TakeTrust({next.root().pem, fake_.authority().root().key_id});
  ASSERT_TRUE(Soon([&] { return identity::ParseRoots(OnDisk().roots_pem)->size() == 2; }));
}

TEST_F(RenewalTest, RootsThatCannotBeUsedChangeNothing) {
  const identity::Credentials old = identity::MakeTestCredentials(fake_.authority(), "node/h1");
  WriteIdentity(old);
  options_.controllers = fake_.Ticket().controllers;
  Start();
  for (const std::string& roots : {std::string(), std::string("-----BEGIN CERTIFICATE-----\nAA"),
                                   old.chain_pem, std::string(1 << 20, 'x')}) {
    enrolment_->TakeTrust({roots, "0011223344556677"});
    EXPECT_TRUE(ProblemHas("list of roots cannot be used")) << enrolment_->Problem();
    EXPECT_EQ(OnDisk().roots_pem, old.roots_pem);
    enrolment_->TakeTrust({old.roots_pem, ""});
    EXPECT_TRUE(Soon([&] { return enrolment_->Problem().empty(); })) << enrolment_->Problem();
  }
  EXPECT_EQ(fake_.renewals(), 0);
}

TEST_F(RenewalTest, OneThatHasEndedSaysWhatToDoAndJoinsAnewWithATicket) {
  WriteIdentity(identity::MakeTestCredentials(fake_.authority(), "node/h1",
                                              Term(absl::Hours(2), -absl::Hours(1))));
  options_.controllers = fake_.Ticket().controllers;
  Start();
  EXPECT_TRUE(ProblemHas("has ended")) << enrolment_->Problem();
  EXPECT_TRUE(ProblemHas("heddlectl token create --node h1")) << enrolment_->Problem();
  EXPECT_TRUE(ProblemHas("no ticket")) << enrolment_->Problem();
  const std::string old = Serial();
  WriteTicket(fake_.Ticket());
  ASSERT_TRUE(Soon([&] { return Serial() != old; })) << enrolment_->Problem();
  EXPECT_EQ(enrolment_->Problem(), "");
  EXPECT_EQ(fake_.renewals(), 0) << "nobody can prove an id with what has ended";
}

TEST_F(RenewalTest, EndsWhileItRunsAndWaitsForATicket) {
  WriteIdentity(identity::MakeTestCredentials(fake_.authority(), "node/h1",
                                              Term(absl::Seconds(10), absl::Seconds(2))));
  options_.controllers = fake_.Ticket().controllers;
  options_.join_file.clear();
  fake_.set_gate(
      [](const std::string&) { return grpc::Status(grpc::StatusCode::UNAVAILABLE, "no leader"); });
  Start();
  EXPECT_TRUE(ProblemHas("start heddle-node with --join FILE")) << enrolment_->Problem();
  EXPECT_NE(enrolment_->Current(), nullptr);
}

// Revoked: the ticket it came of is not tried again, also after a restart; another one is.
TEST_F(RenewalTest, ARefusedCertificateIsReplacedWithAnotherTicketOnly) {
  WriteTicket(fake_.Ticket("00000000000000aa"));
  Start();
  ASSERT_TRUE(Soon([&] { return enrolment_->Current() != nullptr; })) << enrolment_->Problem();
  const std::string first = Serial();
  for (int run = 0; run < 2; ++run) {
    enrolment_->TakeRefusal(RefusedCertificate{first, "it is revoked"});
    ASSERT_TRUE(ProblemHas("is refused (it is revoked)")) << enrolment_->Problem();
    EXPECT_TRUE(ProblemHas("token create --node h1")) << enrolment_->Problem();
    absl::SleepFor(absl::Milliseconds(200));
    EXPECT_EQ(fake_.joins(), 1);
    enrolment_.reset();
    Start();
  }
  enrolment_->TakeRefusal(RefusedCertificate{first, "it is revoked"});
  WriteTicket(fake_.Ticket());
  ASSERT_TRUE(Soon([&] { return Serial() != first; })) << enrolment_->Problem();
  EXPECT_EQ(OnDisk().leaf.serial, Serial());
  EXPECT_TRUE(Soon([&] { return enrolment_->Problem().empty(); })) << enrolment_->Problem();
  EXPECT_EQ(fake_.joins(), 2);
}

TEST_F(RenewalTest, ARefusalOfAnotherCertificateOrOneThatIsOverIsOfNoEffect) {
  const identity::Credentials present = identity::MakeTestCredentials(fake_.authority(), "node/h1");
  WriteIdentity(present);
  Start();
  enrolment_->TakeRefusal(RefusedCertificate{"a1", "it is revoked"});
  WriteTicket(fake_.Ticket());
  absl::SleepFor(absl::Milliseconds(200));
  EXPECT_EQ(enrolment_->Problem(), "");
  unlink(options_.join_file.c_str());
  enrolment_->TakeRefusal(RefusedCertificate{present.leaf.serial, "it is revoked"});
  ASSERT_TRUE(ProblemHas("is refused")) << enrolment_->Problem();
  enrolment_->TakeRefusal(std::nullopt);
  WriteTicket(fake_.Ticket());
  EXPECT_TRUE(Soon([&] { return enrolment_->Problem().empty(); })) << enrolment_->Problem();
  EXPECT_EQ(fake_.joins(), 0);
}

// ... and asks again with the key that it asked with, when it died before it heard the answer.
TEST_F(RenewalTest, AJoinBesideARefusedCertificateSurvivesARestart) {
  const identity::Credentials old = identity::MakeTestCredentials(fake_.authority(), "node/h1");
  WriteIdentity(old);
  WriteTicket(fake_.Ticket());
  fake_.set_gate(
      [](const std::string&) { return grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone"); });
  Start();
  enrolment_->TakeRefusal(RefusedCertificate{old.leaf.serial, "it is revoked"});
  ASSERT_TRUE(ProblemHas("gone")) << enrolment_->Problem();
  enrolment_.reset();
  const auto key = ReadPendingKey(options_.state.pending_key);
  ASSERT_TRUE(key.ok()) << key.status();
  fake_.set_gate(nullptr);
  Start();
  enrolment_->TakeRefusal(RefusedCertificate{old.leaf.serial, "it is revoked"});
  ASSERT_TRUE(Soon([&] { return Serial() != old.leaf.serial; })) << enrolment_->Problem();
  EXPECT_EQ(OnDisk().key_pem, key->ToPem());
}

TEST_F(RenewalTest, OwnFilesAreFollowedAndNeverRenewed) {
  identity::CredentialFiles files{folder_ + "/key", folder_ + "/cert", folder_ + "/ca"};
  const auto write = [&](const identity::Credentials& credentials) {
    Write(files.key, credentials.key_pem);
    Write(files.certificate, credentials.chain_pem);
    Write(files.roots, credentials.roots_pem);
  };
  write(identity::MakeTestCredentials(fake_.authority(), "node/h1",
                                      Term(absl::Seconds(95), absl::Seconds(5))));
  options_.join_file.clear();
  options_.own_files = files;
  Start();
  const std::string first = Serial();
  EXPECT_TRUE(ProblemHas(absl::StrCat("replace ", files.certificate))) << enrolment_->Problem();
  enrolment_->TakeTrust({identity::MakeTestAuthority().root().pem, "0011223344556677"});
  write(identity::MakeTestCredentials(fake_.authority(), "node/h1"));
  EXPECT_TRUE(Soon([&] { return Serial() != first; }));
  EXPECT_EQ(enrolment_->Problem(), "");
  EXPECT_EQ(enrolment_->Current()->roots_pem, fake_.authority().root().pem);
  EXPECT_EQ(fake_.renewals() + fake_.joins(), 0);
}

}  // namespace
}  // namespace heddle::node
