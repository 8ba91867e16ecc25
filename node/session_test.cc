#include "node/session_fixture.h"

namespace heddle::node {
namespace {

using SessionTest = SessionFixture;

TEST_F(SessionTest, SaysHelloDecodesAndReports) {
  Mutex mutex;
  std::vector<v1::NodeMessage> heard;
  FakeController controller([&](int, FakeController::Wire* wire) {
    v1::NodeMessage message;
    wire->Read(&message);
    {
      MutexLock lock(&mutex);
      heard.push_back(message);
    }
    wire->Write(WelcomeMessage());
    wire->Write(HeartbeatMessage(7));
    while (wire->Read(&message)) {
      MutexLock lock(&mutex);
      heard.push_back(message);
    }
    return grpc::Status::OK;
  });
  resume_ = {{"h", 41}, 99};
  Start({controller.address()});
  ASSERT_TRUE(RunUntil([&] { return updates_.size() == 2; }));
  EXPECT_TRUE(session_->attached());
  EXPECT_EQ(std::get<Welcome>(updates_[0]).network, TestNetwork());
  EXPECT_EQ(std::get<Heartbeat>(updates_[1]).revision, 7u);

  Advertisement advertisement;
  advertisement.public_address[Family::kV4] = *Ip::Parse("192.0.2.1");
  advertisement.backend_type = "alloc";
  session_->SendAdvertise(advertisement, {*Prefix::Parse("10.0.3.0/24")});
  Applied applied;
  applied.revision = 7;
  applied.problems = {"one"};
  session_->SendApplied(applied);
  ASSERT_TRUE(RunUntil([&] {
    MutexLock lock(&mutex);
    return heard.size() == 3;
  }));
  session_.reset();  // ends the stream, so that nobody writes `heard` any more
  EXPECT_EQ(heard[0].hello().node_id(), "node-1");
  EXPECT_EQ(heard[0].hello().instance_id(), "instance");
  EXPECT_EQ(heard[0].hello().resume().revision(), 41u);
  EXPECT_EQ(heard[0].hello().set_hash(), 99u);
  EXPECT_EQ(*FromProto(heard[1].advertise().advertisement()), advertisement);
  EXPECT_EQ(heard[1].advertise().preferred_subnets_size(), 1);
  EXPECT_EQ(heard[2].applied().revision(), 7u);
  EXPECT_EQ(heard[2].applied().problems(0), "one");
}

TEST_F(SessionTest, TriesTheNextControllerQuickly) {
  FakeController controller([&](int, FakeController::Wire* wire) {
    wire->Write(WelcomeMessage());
    Drain(wire);
    return grpc::Status::OK;
  });
  // Nobody listens on the ports of controllers that are gone.
  std::vector<std::string> controllers = {controller.address()};
  for (int i = 0; i < 2; ++i) {
    FakeController gone([](int, FakeController::Wire*) { return grpc::Status::OK; });
    controllers.push_back(gone.address());
  }
  Start(controllers);
  EXPECT_TRUE(RunUntil([&] { return session_->attached(); }));
  EXPECT_EQ(session_->controller(), controller.address());
}

TEST_F(SessionTest, RefusalIsKeptWithItsReasonAndTriedAgain) {
  FakeController controller([&](int stream, FakeController::Wire* wire) {
    if (stream < 3) return grpc::Status(grpc::StatusCode::ALREADY_EXISTS, "node-1 is in use");
    wire->Write(WelcomeMessage());
    Drain(wire);
    return grpc::Status::OK;
  });
  Start({controller.address()});
  ASSERT_TRUE(RunUntil([&] { return session_->attached(); }));
  EXPECT_EQ(session_->last_end().message(), "node-1 is in use");
  EXPECT_EQ(controller.streams(), 3);
}

// Between the end of what a controller says and its status gRPC lets go of the stream.
TEST_F(SessionTest, NothingIsWrittenToAStreamThatHasEnded) {
  FakeController controller([](int, FakeController::Wire* wire) {
    v1::NodeMessage message;
    wire->Read(&message);
    wire->Write(WelcomeMessage());
    return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "not now");
  });
  options_.retry_initial = options_.retry_maximum = absl::Milliseconds(1);
  Start({controller.address()});
  EXPECT_TRUE(RunUntil([this] {
    session_->SendApplied({});
    return session_->stream() > 40;
  }));
}

TEST_F(SessionTest, InvalidMessageDropsTheStreamWithTheReason) {
  FakeController controller([&](int stream, FakeController::Wire* wire) {
    wire->Write(WelcomeMessage());
    if (stream == 1) {
      v1::ControllerMessage message;
      message.mutable_chunk()->add_changes()->mutable_put()->set_node_id("../bad");
      wire->Write(message);
    }
    Drain(wire);
    return grpc::Status::OK;
  });
  Start({controller.address()});
  ASSERT_TRUE(RunUntil([&] { return session_->stream() == 2 && session_->attached(); }));
  EXPECT_EQ(session_->last_end().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(updates_.size(), 2u) << "two Welcomes and nothing of the bad message";
}

TEST_F(SessionTest, AnythingBeforeWelcomeIsRefused) {
  FakeController controller([&](int, FakeController::Wire* wire) {
    wire->Write(HeartbeatMessage(1));
    Drain(wire);
    return grpc::Status::OK;
  });
  Start({controller.address()});
  ASSERT_TRUE(RunUntil([&] { return session_->stream() >= 2; }));
  EXPECT_TRUE(updates_.empty());
  EXPECT_NE(session_->last_end().message().find("Welcome"), absl::string_view::npos);
}

TEST_F(SessionTest, SilenceEndsTheStream) {
  FakeController controller([&](int, FakeController::Wire* wire) {
    wire->Write(WelcomeMessage(/*heartbeat_seconds=*/10));
    Drain(wire);
    return grpc::Status::OK;
  });
  Start({controller.address()});
  ASSERT_TRUE(RunUntil([&] { return session_->attached(); }));
  session_->Tick(absl::Now() + absl::Seconds(25));
  EXPECT_TRUE(session_->attached());
  skew_ = absl::Seconds(31);
  EXPECT_TRUE(RunUntil([&] { return session_->stream() == 2 && session_->attached(); }));
}

TEST_F(SessionTest, LastEventsOfADroppedStreamAreLeftAside) {
  FakeController controller([&](int, FakeController::Wire* wire) {
    wire->Write(WelcomeMessage());
    Drain(wire);
    return grpc::Status::OK;
  });
  Start({controller.address()});
  ASSERT_TRUE(RunUntil([&] { return session_->attached(); }));
  session_->Drop(absl::DataLossError("does not add up"), absl::Now());
  EXPECT_FALSE(session_->attached());
  ASSERT_TRUE(RunUntil([&] { return session_->stream() == 2 && session_->attached(); }));
  EXPECT_EQ(session_->last_end().message(), "does not add up");
}

}  // namespace
}  // namespace heddle::node
