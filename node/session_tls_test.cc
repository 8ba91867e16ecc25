// A session's streams over real TLS, with what an enrolment has.
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <sstream>

#include "node/enrolment/enrolment.h"
#include "node/enrolment/fake_identity.h"
#include "node/session_fixture.h"

namespace heddle::node {
namespace {

class SessionTlsTest : public SessionFixture {
 protected:
  SessionTlsTest()
      : fake_(folder_,
              [](int, FakeController::Wire* wire) {
                wire->Write(WelcomeMessage());
                Drain(wire);
                return grpc::Status::OK;
              }),
        former_log_(spdlog::default_logger()) {
    options_.insecure = false;
    options_.node_id = "h1";
    options_.credentials = [this] {
      MutexLock lock(&mutex_);
      return credentials_;
    };
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log_)));
  }
  ~SessionTlsTest() override {
    session_.reset();
    spdlog::set_default_logger(former_log_);
  }
  void Use(identity::Credentials credentials) {
    MutexLock lock(&mutex_);
    credentials_ = std::make_shared<const identity::Credentials>(std::move(credentials));
  }
  // What a user reads of a stream that does not come to be.
  std::string Refused() {
    Start({fake_.controller().address()});
    RunUntil([&] { return !log_.str().empty(); });
    session_.reset();
    EXPECT_EQ(fake_.controller().streams(), 0);
    return log_.str();
  }
  static bool Has(const std::string& text, const std::string& words) {
    return text.find(words) != std::string::npos;
  }

  const std::string folder_ =
      absl::StrCat(testing::TempDir(), "/tls-", getpid(), "-",
                   testing::UnitTest::GetInstance()->current_test_info()->name());
  FakeIdentity fake_;
  Mutex mutex_;
  std::shared_ptr<const identity::Credentials> credentials_;
  std::ostringstream log_;
  std::shared_ptr<spdlog::logger> former_log_;
};

TEST_F(SessionTlsTest, WaitsForCredentialsAndConnectsAtOnceWithThem) {
  Start({fake_.controller().address()});
  EXPECT_FALSE(RunUntil([end = absl::Now() + absl::Milliseconds(300), this] {
                 return absl::Now() > end || fake_.controller().streams() > 0;
               }) &&
               fake_.controller().streams() > 0);
  EXPECT_EQ(session_->next_due(), absl::InfiniteFuture()) << "no spinning meanwhile";
  Use(identity::MakeTestCredentials(fake_.authority(), "node/h1"));
  session_->CredentialsChanged(absl::Now());
  EXPECT_TRUE(RunUntil([&] { return session_->attached(); })) << log_.str();
}

TEST_F(SessionTlsTest, AControllerOfAnotherAuthorityIsNotAttachedTo) {
  Use(identity::MakeTestCredentials(identity::MakeTestAuthority(), "node/h1"));
  const std::string told = Refused();
  EXPECT_TRUE(Has(told, "its certificate is not believed here")) << told;
  EXPECT_TRUE(Has(told, fake_.controller().address())) << told;
}

TEST_F(SessionTlsTest, TheServerNameIsChecked) {
  options_.server_name = "";  // the host that is dialled: not in the certificate
  Use(identity::MakeTestCredentials(fake_.authority(), "node/h1"));
  const std::string told = Refused();
  EXPECT_TRUE(Has(told, "is not of the name '127.0.0.1'")) << told;
}

TEST_F(SessionTlsTest, AControllerWithoutTlsIsNamed) {
  FakeController insecure([](int, FakeController::Wire*) { return grpc::Status::OK; });
  Use(identity::MakeTestCredentials(fake_.authority(), "node/h1"));
  Start({insecure.address()});
  EXPECT_TRUE(RunUntil([&] { return !log_.str().empty(); }));
  session_.reset();
  EXPECT_TRUE(Has(log_.str(), "it speaks no TLS")) << log_.str();
  EXPECT_EQ(insecure.streams(), 0);
}

TEST_F(SessionTlsTest, NoTlsToAControllerWithTlsIsRefused) {
  options_.insecure = true;
  EXPECT_NE(Refused(), "");
}

TEST_F(SessionTlsTest, ARenewalCutsNoStream) {
  EnrolmentOptions options;
  options.node_id = "h1";
  options.state = StateFilesIn(folder_ + "/state");
  options.server_name = identity::kControllerServerName;
  options.controllers = {fake_.controller().address()};
  const identity::Credentials old = identity::MakeTestCredentials(
      fake_.authority(), "node/h1",
      {absl::Now() - absl::Seconds(8), absl::Now() + absl::Seconds(5)});
  ASSERT_TRUE(identity::WriteIdentityFile(options.state.identity, old).ok());
  auto enrolment = Enrolment::Start(options);
  ASSERT_TRUE(enrolment.ok()) << enrolment.status();
  options_.credentials = [&] { return (*enrolment)->Current(); };
  Start({fake_.controller().address()});
  ASSERT_TRUE(RunUntil([&] { return session_->attached(); })) << log_.str();
  ASSERT_TRUE(RunUntil([&] { return (*enrolment)->Current()->leaf.serial != old.leaf.serial; }));
  // Beyond the end of the first one.
  skew_ = absl::ZeroDuration();
  const absl::Time after = old.leaf.not_after + absl::Seconds(1);
  while (absl::Now() < after)
    RunUntil([until = absl::Now() + absl::Milliseconds(200)] { return absl::Now() > until; });
  EXPECT_TRUE(session_->attached());
  EXPECT_EQ(fake_.controller().streams(), 1);
  session_.reset();  // before the enrolment it asks
}

TEST_F(SessionTlsTest, WhatAControllerSaysIsEscapedInTheLog) {
  options_.insecure = true;
  FakeController hostile([](int, FakeController::Wire*) {
    return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "no\n2026 error: \033[2J all is lost");
  });
  Start({hostile.address()});
  EXPECT_TRUE(RunUntil([&] { return !log_.str().empty(); }));
  session_.reset();
  EXPECT_TRUE(Has(log_.str(), "no\\n2026 error: \\033[2J")) << log_.str();
}

TEST_F(SessionTlsTest, AMessageOfAnUnknownKindIsPassedOver) {
  options_.insecure = true;
  FakeController newer([](int, FakeController::Wire* wire) {
    wire->Write(WelcomeMessage());
    wire->Write(v1::ControllerMessage());
    wire->Write(HeartbeatMessage(7));
    Drain(wire);
    return grpc::Status::OK;
  });
  Start({newer.address()});
  ASSERT_TRUE(RunUntil([&] { return updates_.size() == 3; }));
  EXPECT_TRUE(std::holds_alternative<UnknownKind>(updates_[1]));
  EXPECT_EQ(std::get<Heartbeat>(updates_[2]).revision, 7u);
  EXPECT_EQ(newer.streams(), 1);
}

}  // namespace
}  // namespace heddle::node
