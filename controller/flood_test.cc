// Callers that flood, with a certificate and without, and what the others notice of it.
#include <atomic>
#include <cstdio>
#include <thread>

#include "controller/admitted_streams.h"
#include "controller/attach_reactor.h"
#include "controller/call_rates.h"
#include "controller/secure_fixture.h"
#include "controller/test_stream_node.h"

namespace heddle::controller {
namespace {

using Code = grpc::StatusCode;

// A node's end that says whatever it is made to say.
class RawNode {
 public:
  RawNode(const std::shared_ptr<grpc::Channel>& channel, const std::string& node_id)
      : stub_(v1::NodeService::NewStub(channel)) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(40)));
    stream_ = stub_->Attach(&context_);
    v1::NodeMessage message;
    message.mutable_hello()->set_protocol_version(1);
    message.mutable_hello()->set_node_id(node_id);
    message.mutable_hello()->set_instance_id("i");
    stream_->Write(message);
  }
  bool Say(std::size_t size_bytes) {
    v1::NodeMessage message;
    message.mutable_applied()->add_problems(std::string(size_bytes, 'x'));
    return stream_->Write(message);
  }
  bool Hear() {
    v1::ControllerMessage message;
    return stream_->Read(&message);
  }
  void Cancel() { context_.TryCancel(); }
  grpc::Status End() {
    while (Hear()) continue;
    return stream_->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<v1::NodeService::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::NodeMessage, v1::ControllerMessage>> stream_;
};

class FloodTest : public SecureTest {
 protected:
  void SetUp() override { Start(1); }

  // How long newcomers wait for their lease, and `watcher` for the news of them; the worst of some.
  struct Waits {
    absl::Duration lease, delta;
  };
  Waits Measure(TestNode* watcher) {
    Waits worst;
    for (int i = 0; i < 5; ++i) {
      const int number = next_++;
      const auto channel = Dial(0, absl::StrCat("node/node-", number));
      const std::size_t before = watcher->synced_peers;
      const absl::Time began = absl::Now();
      nodes_.push_back(std::make_unique<TestNode>(channel, number));
      EXPECT_TRUE(nodes_.back()->Until([](TestNode* node) { return node->synced_peers >= 1; }));
      worst.lease = std::max(worst.lease, absl::Now() - began);
      EXPECT_TRUE(watcher->Until([=](TestNode* node) { return node->synced_peers > before; }));
      worst.delta = std::max(worst.delta, absl::Now() - began);
    }
    return worst;
  }
  static void Print(const char* when, const Waits& waits) {
    std::printf("%-32s lease %6.1f ms, delta at another node %6.1f ms (worst of 5)\n", when,
                absl::ToDoubleMilliseconds(waits.lease), absl::ToDoubleMilliseconds(waits.delta));
  }

  int next_ = 100;
  std::vector<std::unique_ptr<TestNode>> nodes_;
};

TEST_F(FloodTest, AMessageThatIsTooLongEndsTheStream) {
  RawNode node(Dial(0, "node/node-1"), "node-1");
  ASSERT_TRUE(node.Hear()) << "Welcome";
  node.Say(kMaxNodeMessageBytes);
  const grpc::Status end = node.End();
  EXPECT_EQ(end.error_code(), Code::RESOURCE_EXHAUSTED) << end.error_message();
}

TEST_F(FloodTest, ANodeThatFloodsIsReadFromSlowlyAndTheOthersAreServed) {
  TestNode watcher(Dial(0, "node/node-2"), 2);
  ASSERT_TRUE(watcher.UntilPeers(1));
  Print("before", Measure(&watcher));
  RawNode flooding(Dial(0, "node/node-1"), "node-1");
  ASSERT_TRUE(flooding.Hear());
  constexpr std::size_t kSize = 100'000;
  std::atomic<int> said{0};
  const absl::Time began = absl::Now();
  std::thread flood([&] {
    while (flooding.Say(kSize)) ++said;
  });
  const Waits during = Measure(&watcher);
  absl::SleepFor(absl::Seconds(2));
  const absl::Duration took = absl::Now() - began;
  const int taken = said;
  flooding.Cancel();
  flood.join();
  Print("one node floods its stream", during);
  const double cost = 1 + static_cast<double>(kSize) / kBytesPerToken;
  const double paid = (kReadRate.burst + kReadRate.per_second * absl::ToDoubleSeconds(took)) / cost;
  constexpr double kBuffered = 16e6 / kSize;  // at both ends of the connection
  std::printf("it said %d messages of %zu bytes in %.1f s; %.0f were paid for\n", taken, kSize,
              absl::ToDoubleSeconds(took), paid);
  EXPECT_LT(taken, paid + kBuffered);
  EXPECT_LT(during.lease, absl::Seconds(5));
  EXPECT_LT(during.delta, absl::Seconds(5));
}

TEST_F(FloodTest, StrangersWhoFloodAreRefusedAndTheOthersAreServed) {
  TestNode watcher(Dial(0, "node/node-2"), 2);
  ASSERT_TRUE(watcher.UntilPeers(1));
  Print("before", Measure(&watcher));
  std::atomic<bool> is_over{false};
  std::atomic<int> unknown{0}, too_often{0};
  const auto channel = Dial(0, nullptr);
  std::vector<std::thread> flood;
  for (int i = 0; i < 4; ++i) {
    flood.emplace_back([&] {
      while (!is_over) {
        const Code code = Call(channel, &Stub::GetStatus, v1::GetStatusRequest()).error_code();
        if (code == Code::UNAUTHENTICATED) ++unknown;
        if (code == Code::RESOURCE_EXHAUSTED) ++too_often;
      }
    });
  }
  for (int waited = 0; too_often == 0 && waited < 300; ++waited) {
    absl::SleepFor(absl::Milliseconds(100));
  }
  const Waits during = Measure(&watcher);
  is_over = true;
  for (std::thread& thread : flood) thread.join();
  Print("strangers call without pause", during);
  std::printf("%d of their calls were judged, %d only counted\n", unknown.load(), too_often.load());
  EXPECT_GT(too_often, 0);
  EXPECT_LT(during.lease, absl::Seconds(5));
}

TEST_F(FloodTest, OneIdentityAttachesOnlySoOften) {
  int refused = 0;
  const auto channel = Dial(0, "node/node-1");
  for (int i = 0; i < 2 * static_cast<int>(kNodeCalls.burst); ++i) {
    RawNode node(channel, "node-1");
    if (!node.Hear()) {
      refused += node.End().error_code() == Code::RESOURCE_EXHAUSTED;
    } else {
      node.Cancel();
      node.End();
    }
  }
  EXPECT_GT(refused, 0);
  TestNode other(Dial(0, "node/node-2"), 2);
  EXPECT_TRUE(other.UntilPeers(1));
}

TEST_F(FloodTest, OneIdentityHasOnlySoManyStreams) {
  struct Watch {
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::WatchEvent>> stream;
  };
  const auto channel = Dial(0, "viewer/bob");
  const auto stub = v1::AdminService::NewStub(channel);
  std::vector<std::unique_ptr<Watch>> watches;
  for (int i = 0; i < kMaxStreamsOfOne; ++i) {
    watches.push_back(std::make_unique<Watch>());
    watches.back()->stream = stub->Watch(&watches.back()->context, {});
    watches.back()->stream->WaitForInitialMetadata();
  }
  // The last of them is counted a moment after it has begun.
  v1::WatchEvent event;
  grpc::Status end;
  for (int tries = 0; end.ok() && tries < 3; ++tries) {
    Watch more;
    more.context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(2)));
    more.stream = stub->Watch(&more.context, {});
    while (more.stream->Read(&event)) continue;
    end = more.stream->Finish();
  }
  EXPECT_EQ(end.error_code(), Code::RESOURCE_EXHAUSTED) << end.error_message();
  EXPECT_TRUE(Call(channel, &Stub::GetStatus, v1::GetStatusRequest()).ok()) << "calls go on";
  for (const auto& watch : watches) {
    watch->context.TryCancel();
    while (watch->stream->Read(&event)) continue;
    EXPECT_EQ(watch->stream->Finish().error_code(), Code::CANCELLED);
  }
}

}  // namespace
}  // namespace heddle::controller
