// Which controller a session tries, and when.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <map>
#include <set>

#include "node/session_fixture.h"

namespace heddle::node {
namespace {

// Says Welcome and that there is nothing more to say, then serves until the node ends the stream.
grpc::Status Serve(FakeController::Wire* wire) {
  wire->Write(WelcomeMessage());
  v1::ControllerMessage synced;
  synced.mutable_synced()->set_revision(1);
  wire->Write(synced);
  Drain(wire);
  return grpc::Status::OK;
}

FakeController::Script Refusing(grpc::StatusCode code) {
  return [code](int, FakeController::Wire*) { return grpc::Status(code, "not here"); };
}

// A port of loopback's that takes no connection and refuses none: its queue is full.
class SilentPort {
 public:
  SilentPort() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    EXPECT_EQ(bind(listening_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(listen(listening_, 0), 0);
    getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    for (int& fd : filling_) {
      fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      connect(fd, reinterpret_cast<sockaddr*>(&address), length);
    }
  }
  ~SilentPort() {
    for (const int fd : filling_) close(fd);
    close(listening_);
  }
  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }

 private:
  const int listening_ = socket(AF_INET, SOCK_STREAM, 0);
  int filling_[4];
  int port_ = 0;
};

class SessionRoundsTest : public SessionFixture {
 protected:
  bool Settled() {
    return std::any_of(updates_.begin(), updates_.end(),
                       [](const Update& update) { return std::holds_alternative<Synced>(update); });
  }
};

TEST_F(SessionRoundsTest, ARefusalLeadsToTheNextAtOnce) {
  FakeController serving([](int, FakeController::Wire* wire) { return Serve(wire); });
  FakeController behind(Refusing(grpc::StatusCode::UNAVAILABLE));
  FakeController ending(Refusing(grpc::StatusCode::UNAVAILABLE));
  options_.retry_initial = options_.retry_maximum = absl::Hours(1);
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    options_.seed = seed;
    updates_.clear();
    Start({serving.address(), behind.address(), ending.address()});
    EXPECT_TRUE(RunUntil([&] { return Settled(); })) << "without a wait between rounds";
    EXPECT_EQ(session_->controller(), serving.address());
  }
  EXPECT_GT(behind.streams() + ending.streams(), 0) << "the order is by chance";
}

TEST_F(SessionRoundsTest, ARoundThatFailedIsFollowedByAWaitThatGrows) {
  FakeController refusing(Refusing(grpc::StatusCode::UNAVAILABLE));
  FakeController too(Refusing(grpc::StatusCode::FAILED_PRECONDITION));
  options_.retry_initial = absl::Seconds(10);
  options_.retry_maximum = absl::Seconds(1000);
  options_.welcome_timeout = absl::Seconds(1);
  Start({refusing.address(), too.address()});
  ASSERT_TRUE(RunUntil([&] { return session_->next_due() > absl::Now() + absl::Seconds(2); }));
  EXPECT_EQ(refusing.streams() + too.streams(), 2) << "each once";
  EXPECT_LT(session_->next_due(), absl::Now() + absl::Seconds(10));
}

TEST_F(SessionRoundsTest, SilentAddressIsLeftWithinTheWelcomeTimeout) {
  const SilentPort silent;
  FakeController serving([](int, FakeController::Wire* wire) { return Serve(wire); });
  options_.welcome_timeout = absl::Seconds(1);
  int met = 0;
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    options_.seed = seed;
    updates_.clear();
    const absl::Time start = absl::Now();
    Start({silent.address(), serving.address()});
    ASSERT_TRUE(RunUntil([&] { return Settled(); }));
    const absl::Duration took = absl::Now() - start;
    EXPECT_LT(took, absl::Seconds(2.5));
    if (session_->stream() > 1) {
      ++met;
      EXPECT_GE(took, absl::Seconds(1)) << "the port was to be silent, not closed";
    }
  }
  EXPECT_GT(met, 0) << "the silent one was never tried first";
}

// Every node that lost the controller comes at its own time, and to another controller.
TEST_F(SessionRoundsTest, LossOfAServingControllerIsSpreadByTheSizeOfTheCluster) {
  std::set<absl::Duration> waits;
  absl::Duration longest;
  resume_.peers = 10'000;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    FakeController first([](int, FakeController::Wire* wire) { return Serve(wire); });
    FakeController second([](int, FakeController::Wire* wire) { return Serve(wire); });
    options_.seed = seed;
    updates_.clear();
    Start({first.address(), second.address()});
    ASSERT_TRUE(RunUntil([&] { return Settled(); }));
    const std::string lost = session_->controller();
    const absl::Time now = absl::Now();
    session_->Drop(absl::UnavailableError("gone"), now);
    const absl::Duration wait = session_->next_due() - now;
    EXPECT_LE(wait, absl::Seconds(10));
    waits.insert(wait);
    longest = std::max(longest, wait);
    updates_.clear();
    skew_ = wait;
    ASSERT_TRUE(RunUntil([&] { return Settled(); }));
    EXPECT_NE(session_->controller(), lost) << "never the same one first";
    skew_ = absl::ZeroDuration();
    session_.reset();
  }
  EXPECT_GT(waits.size(), 6u);
  EXPECT_GT(longest, absl::Seconds(4));
}

TEST_F(SessionRoundsTest, SmallClustersAreBackWithinAQuarterOfASecond) {
  FakeController only([](int, FakeController::Wire* wire) { return Serve(wire); });
  resume_.peers = 3;
  Start({only.address()});
  ASSERT_TRUE(RunUntil([&] { return Settled(); }));
  const absl::Time now = absl::Now();
  session_->Drop(absl::UnavailableError("gone"), now);
  EXPECT_LE(session_->next_due(), now + absl::Milliseconds(250));
}

TEST_F(SessionRoundsTest, ANamesAddressesAreAllTriedOfBothFamilies) {
  FakeController six([](int, FakeController::Wire* wire) { return Serve(wire); }, 0, "[::1]");
  const std::string port = absl::StrCat(six.port());
  // Nobody listens on the others.
  options_.resolve = [](const std::string&) {
    return std::vector<std::string>{"127.0.0.1", "127.0.0.2", "::1"};
  };
  Start({"ctl.test:" + port});
  ASSERT_TRUE(RunUntil([&] { return Settled(); }));
  EXPECT_EQ(session_->controller(), "ctl.test:" + port + " (::1)");
}

TEST_F(SessionRoundsTest, ANameIsLookedUpAnewInEachRound) {
  FakeController serving([](int, FakeController::Wire* wire) { return Serve(wire); });
  std::atomic<int> asked{0};
  options_.resolve = [&](const std::string&) -> absl::StatusOr<std::vector<std::string>> {
    switch (++asked) {
      case 1:
        return absl::UnavailableError("no name server answers");
      case 2:
        return std::vector<std::string>{"127.0.0.9"};
      default:
        return std::vector<std::string>{"127.0.0.1"};
    }
  };
  Start({absl::StrCat("ctl.test:", serving.port())});
  ASSERT_TRUE(RunUntil([&] { return asked == 2; }));
  EXPECT_THAT(std::string(session_->last_end().message()),
              testing::HasSubstr("'ctl.test' cannot be resolved: no name server answers"));
  ASSERT_TRUE(RunUntil([&] { return Settled(); }));
}

TEST_F(SessionRoundsTest, ALookupThatHangsBlocksNobody) {
  FakeController serving([](int, FakeController::Wire* wire) { return Serve(wire); });
  auto gone = std::make_shared<std::promise<void>>();
  options_.resolve = [end = gone->get_future().share()](
                         const std::string&) -> absl::StatusOr<std::vector<std::string>> {
    end.wait();
    return absl::UnavailableError("too late");
  };
  Start({"ctl.test:7411", serving.address()});
  const absl::Time before = absl::Now();
  session_->Tick(before);
  EXPECT_LT(absl::Now() - before, absl::Milliseconds(500)) << "Tick waited for the name server";
  EXPECT_TRUE(RunUntil([&] { return Settled(); })) << "the address is used all the same";
  gone->set_value();
}

}  // namespace
}  // namespace heddle::node
