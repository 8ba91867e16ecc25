#include <gmock/gmock.h>

#include <atomic>

#include "node/enrolment/enrolment_fixture.h"

namespace heddle::node {
namespace {

using JoiningTest = EnrolmentFixture;
using testing::HasSubstr;

TEST_F(JoiningTest, ATicketBecomesAnIdentity) {
  WriteTicket(fake_.Ticket());
  Start();
  ASSERT_TRUE(Soon([&] { return enrolment_->Current() != nullptr; })) << enrolment_->Problem();
  const identity::Credentials kept = OnDisk();
  EXPECT_EQ(identity::ToString(kept.leaf.principal), "node/h1");
  EXPECT_EQ(kept.leaf.serial, Serial());
  EXPECT_EQ(ModeOf(options_.state.identity), 0600);
  EXPECT_TRUE(Soon([&] { return !enrolment_->Controllers().empty(); }));
  EXPECT_EQ(enrolment_->Controllers(), fake_.Ticket().controllers);
  EXPECT_EQ(*ReadControllers(options_.state.controllers), fake_.Ticket().controllers);
  EXPECT_FALSE(Exists(options_.state.pending_key));
  EXPECT_EQ(enrolment_->Problem(), "");

  // From then on the ticket is of no matter, and may be gone.
  enrolment_.reset();
  unlink(options_.join_file.c_str());
  Start();
  EXPECT_EQ(Serial(), kept.leaf.serial);
  EXPECT_EQ(enrolment_->Controllers(), fake_.Ticket().controllers);
  EXPECT_EQ(fake_.joins(), 1);
}

TEST_F(JoiningTest, GivenControllersWin) {
  identity::Ticket ticket = fake_.Ticket();
  options_.controllers = ticket.controllers;
  ticket.controllers = {"192.0.2.1:1"};
  WriteTicket(ticket);
  Start();
  ASSERT_TRUE(Soon([&] { return enrolment_->Current() != nullptr; })) << enrolment_->Problem();
  EXPECT_EQ(enrolment_->Controllers(), options_.controllers);
}

// A process that dies between the answer and the file asks again with the same key.
TEST_F(JoiningTest, AnAnswerThatWasLostIsAskedForAgainWithTheSameKey) {
  WriteTicket(fake_.Ticket());
  Mutex mutex;
  std::vector<std::string> keys;
  fake_.set_gate([&](const std::string& key_digest) {
    MutexLock lock(&mutex);
    keys.push_back(key_digest);
    return keys.size() < 2 ? grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone") : grpc::Status::OK;
  });
  Start();
  ASSERT_TRUE(Soon([&] { return fake_.joins() == 1; }));
  enrolment_.reset();
  EXPECT_EQ(ModeOf(options_.state.pending_key), 0600) << "before the first call";
  Start();
  ASSERT_TRUE(Soon([&] { return enrolment_->Current() != nullptr; })) << enrolment_->Problem();
  MutexLock lock(&mutex);
  ASSERT_GE(keys.size(), 2u);
  EXPECT_EQ(keys.front(), keys.back());
  EXPECT_EQ(keys.back(), OnDisk().leaf.key_digest);
}

// ... and one that dies just before it removes the key of an identity that is there.
TEST_F(JoiningTest, AKeyThatWasLeftBesideAnIdentityIsOfNoMatter) {
  WriteIdentity(identity::MakeTestCredentials(fake_.authority(), "node/h1"));
  Write(options_.state.pending_key, "no key");
  WriteTicket(fake_.Ticket());
  Start();
  EXPECT_NE(Serial(), "");
  EXPECT_EQ(fake_.joins(), 0);
  EXPECT_FALSE(Exists(options_.state.pending_key)) << "it would be joined with once more";
}

// As of a mass start behind one address: no other ticket is called for.
TEST_F(JoiningTest, ARefusalThatPassesIsWaitedOut) {
  WriteTicket(fake_.Ticket());
  std::atomic<bool> busy{true};
  fake_.set_gate([&](const std::string&) {
    return busy ? grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too many ask")
                : grpc::Status::OK;
  });
  Start();
  ASSERT_TRUE(ProblemHas("too many ask")) << enrolment_->Problem();
  EXPECT_THAT(enrolment_->Problem(), testing::Not(HasSubstr("token create")));
  busy = false;
  EXPECT_TRUE(Soon([&] { return enrolment_->Current() != nullptr; })) << enrolment_->Problem();
}

TEST_F(JoiningTest, AnIdentityThatMakesNoSenseIsReplacedWithATicket) {
  Write(options_.state.identity, "-----BEGIN CERTIFICATE-----\nAAAA");
  EXPECT_FALSE(Enrolment::Start([&] {
                 EnrolmentOptions without = options_;
                 without.join_file.clear();
                 return without;
               }())
                   .ok());
  WriteTicket(fake_.Ticket());
  Write(options_.state.pending_key, "no key");
  Start();
  EXPECT_TRUE(Soon([&] { return enrolment_->Current() != nullptr; })) << enrolment_->Problem();
}

TEST_F(JoiningTest, ARefusalIsToldAndAnotherTicketTakenAtOnce) {
  identity::Ticket wrong = fake_.Ticket();
  wrong.secret = identity::NewSecret();
  WriteTicket(wrong);
  options_.retry_initial = options_.retry_maximum = absl::Hours(1);
  Start();
  ASSERT_TRUE(ProblemHas("this ticket is not good")) << enrolment_->Problem();
  EXPECT_THAT(enrolment_->Problem(), HasSubstr("this node has not joined yet"));
  EXPECT_THAT(enrolment_->Problem(), HasSubstr("heddlectl token create --node h1"));
  EXPECT_THAT(enrolment_->Problem(), HasSubstr(options_.join_file));
  EXPECT_THAT(enrolment_->Problem(), testing::Not(HasSubstr(wrong.secret)));
  EXPECT_TRUE(Soon([&] { return !ReadProblem(options_.state.problem).empty(); }));
  EXPECT_EQ(fake_.joins(), 1);
  WriteTicket(fake_.Ticket());
  ASSERT_TRUE(Soon([&] { return enrolment_->Current() != nullptr; })) << enrolment_->Problem();
  EXPECT_EQ(enrolment_->Problem(), "");
  EXPECT_TRUE(Soon([&] { return ReadProblem(options_.state.problem).empty(); }));
}

TEST_F(JoiningTest, ATicketThatIsNoneOrMissingIsWaitedFor) {
  Start();
  ASSERT_TRUE(ProblemHas("no ticket"));
  Write(options_.join_file, "heddle-ticket-1.AAAA");
  ASSERT_TRUE(ProblemHas("heddlectl token create"));
  EXPECT_EQ(fake_.joins(), 0);
  WriteTicket(fake_.Ticket());
  EXPECT_TRUE(Soon([&] { return enrolment_->Current() != nullptr; })) << enrolment_->Problem();
}

TEST_F(JoiningTest, AControllerOfAnotherAuthorityIsNotToldTheSecret) {
  identity::Ticket ticket = fake_.Ticket();
  ticket.roots_pem = identity::MakeTestAuthority().root().pem;
  WriteTicket(ticket);
  Start();
  EXPECT_TRUE(ProblemHas("it is of another CA")) << enrolment_->Problem();
  EXPECT_EQ(fake_.joins(), 0);
}

TEST_F(JoiningTest, AControllerThatDoesNotProveTheNameIsNotToldTheSecret) {
  options_.server_name = "other-name";
  WriteTicket(fake_.Ticket());
  Start();
  EXPECT_TRUE(ProblemHas("is not of the name 'other-name'")) << enrolment_->Problem();
  EXPECT_EQ(fake_.joins(), 0);
}

struct Hostile {
  std::string name;
  FakeIdentity::Twist twist;
  std::string words;
};

TEST_F(JoiningTest, HostileAnswersAreLeftAside) {
  const identity::Authority other = identity::MakeTestAuthority();
  const identity::Credentials foreign = identity::MakeTestCredentials(fake_.authority(), "node/h1");
  const identity::Credentials expired = identity::MakeTestCredentials(
      fake_.authority(), "node/h1", {absl::Now() - absl::Hours(2), absl::Now() - absl::Hours(1)});
  const std::vector<Hostile> answers = {
      {"of another key", [&](auto* answer) { answer->set_chain_pem(foreign.chain_pem); }, ""},
      {"expired, of another key", [&](auto* answer) { answer->set_chain_pem(expired.chain_pem); },
       ""},
      {"of another CA", [&](auto* answer) { answer->set_roots_pem(other.root().pem); },
       "does not lead to a root"},
      {"without roots", [&](auto* answer) { answer->clear_roots_pem(); }, "no root certificate"},
      {"a leaf as root", [&](auto* answer) { answer->set_roots_pem(answer->chain_pem()); },
       "no root certificate"},
      {"empty", [&](auto* answer) { answer->Clear(); }, ""},
      {"no PEM", [&](auto* answer) { answer->set_chain_pem("hello"); }, ""},
      {"100 kB", [&](auto* answer) { answer->set_chain_pem(std::string(100 << 10, 'x')); },
       "102400 bytes"},
      {"1 MB", [&](auto* answer) { answer->set_chain_pem(std::string(1 << 20, 'x')); },
       "larger than max"},
  };
  for (const Hostile& hostile : answers) {
    SCOPED_TRACE(hostile.name);
    fake_.set_twist(hostile.twist);
    WriteTicket(fake_.Ticket());
    const int before = fake_.joins();
    Start();
    EXPECT_TRUE(Soon([&] { return fake_.joins() >= before + 2; })) << "tried again";
    EXPECT_TRUE(ProblemHas(hostile.words)) << enrolment_->Problem();
    EXPECT_NE(enrolment_->Problem(), "");
    EXPECT_EQ(enrolment_->Current(), nullptr);
    enrolment_.reset();
    EXPECT_FALSE(Exists(options_.state.identity));
  }
  fake_.set_twist(nullptr);
  Start();
  EXPECT_TRUE(Soon([&] { return enrolment_->Current() != nullptr; })) << enrolment_->Problem();
}

// The certificate proves another node: of the right key, since the twist knows the request's.
TEST_F(JoiningTest, ACertificateOfAnotherNodeIsLeftAside) {
  identity::Ticket ticket = fake_.Ticket();
  WriteTicket(ticket);
  const auto key = LoadOrMakePendingKey(options_.state.pending_key);
  ASSERT_TRUE(key.ok()) << key.status();
  const identity::Principal other{identity::Role::kNode, "h2"};
  const auto requested =
      identity::CheckCertificateRequest(*identity::MakeCertificateRequest(*key, other));
  const std::string chain = *fake_.authority().Issue(
      requested->public_key_der,
      {other, identity::NewSerial(), absl::Now() - absl::Hours(1), absl::Now() + absl::Hours(1)});
  fake_.set_twist([&](auto* answer) { answer->set_chain_pem(chain); });
  Start();
  EXPECT_TRUE(ProblemHas("its certificate is of node/h2, and this is node/h1"))
      << enrolment_->Problem();
  EXPECT_EQ(enrolment_->Current(), nullptr);
}

TEST_F(JoiningTest, WithNothingToBeginWithItSaysWhatToDo) {
  options_.join_file.clear();
  const auto started = Enrolment::Start(options_);
  ASSERT_EQ(started.status().code(), absl::StatusCode::kFailedPrecondition);
  for (const char* words : {"--join", "--tls-cert-file", "--insecure", "token create --node h1"}) {
    EXPECT_THAT(std::string(started.status().message()), HasSubstr(words));
  }
}

TEST_F(JoiningTest, AnIdentityOfAnotherNodeIsNotUsed) {
  WriteIdentity(identity::MakeTestCredentials(fake_.authority(), "node/h2"));
  const auto started = Enrolment::Start(options_);
  ASSERT_EQ(started.status().code(), absl::StatusCode::kFailedPrecondition) << started.status();
  EXPECT_THAT(std::string(started.status().message()), HasSubstr("set --node-id to h2"));
}

TEST_F(JoiningTest, EndsAtOnceWhileAControllerIsSilent) {
  WriteTicket(fake_.Ticket());
  std::atomic<bool> asked{false};
  fake_.set_gate([&](const std::string&) {
    asked = true;
    absl::SleepFor(absl::Seconds(3));
    return grpc::Status::OK;
  });
  Start();
  ASSERT_TRUE(Soon([&] { return asked.load(); }));
  const absl::Time start = absl::Now();
  enrolment_.reset();
  EXPECT_LT(absl::Now() - start, absl::Seconds(2));
}

}  // namespace
}  // namespace heddle::node
