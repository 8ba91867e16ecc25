// The kernel as the judge of frames. It forwards from one TUN device to another, and cuts frames
// where the second takes none: to the very packets that frames were made of, or would be cut into.
#include <poll.h>

#include "gtest/gtest.h"
#include "node/dataplane/forwarder/coalesce_fixture.h"
#include "node/dataplane/forwarder/counters.h"
#include "node/dataplane/forwarder/descriptors.h"
#include "node/dataplane/forwarder/far_side.h"
#include "node/dataplane/forwarder/features.h"
#include "node/dataplane/forwarder/sample_packets.h"
#include "node/dataplane/forwarder/tun_queue.h"
#include "node/dataplane/private_network.h"

namespace heddle::node::forwarder {
namespace {

constexpr int kPatienceMs = 2000;
constexpr Features kAllOffloads;
constexpr Features kNoOffloads = {false, false, false, false, false, false};

// A device with one queue.
class Tun {
 public:
  explicit Tun(const std::string& name) {
    auto opened = OpenTunQueues(name, 1);
    EXPECT_EQ(opened.status(), absl::OkStatus());
    EXPECT_TRUE(opened->vnet_header);
    descriptor_ = std::move(opened->queues[0]);
    queue_.emplace(descriptor_.get(), true, &counters_);
  }

  Features Offer(const Features& wanted) { return OfferOffloads(descriptor_.get(), true, wanted); }

  void Write(const SampleFrame& frame) {
    Frame written{frame.offload, {}, 0, frame.bytes.size()};
    const iovec pieces[] = {{&written.offload, sizeof(written.offload)},
                            {const_cast<char*>(frame.bytes.data()), frame.bytes.size()}};
    written.pieces = pieces;
    EXPECT_TRUE(queue_->Write(written));
  }

  // Frames until they hold `packets`, which they are cut into if there is something to cut.
  std::vector<std::string> Read(std::size_t packets, std::size_t* frames) {
    std::vector<std::string> all;
    std::vector<std::uint8_t> buffer(TunQueue::kHeadroomBytes + TunQueue::kMaxPacketBytes);
    Segmenter segmenter;
    for (*frames = 0; all.size() < packets;) {
      pollfd readable = {queue_->fd(), POLLIN, 0};
      if (poll(&readable, 1, kPatienceMs) != 1) return all;
      Offload offload;
      const auto bytes = queue_->Read(&buffer[TunQueue::kHeadroomBytes], &offload);
      const auto packet = ParsePacket(bytes);
      if (!packet || !IsSample(*packet)) continue;
      *frames += 1;
      for (std::string& cut : PacketsOf(segmenter.Cut(offload, *packet))) all.push_back(cut);
    }
    return all;
  }

 private:
  // The kernel looks for neighbours and groups, too.
  static bool IsSample(const Packet& packet) {
    const std::string destination = packet.destination().ToString();
    return destination == "10.4.0.9" || destination == "fd04::9";
  }

  Counters counters_;
  Descriptor descriptor_;
  std::optional<TunQueue> queue_;
};

class KernelFramesTest : public ::testing::TestWithParam<FlowKind> {
 protected:
  KernelFramesTest() {
    EXPECT_EQ(EnterPrivateNetwork(), absl::OkStatus());
    in_.emplace("in");
    out_.emplace("out");
    EXPECT_EQ(RunShell("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 "
                       "net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.in.rp_filter=0 && "
                       "ip link set in up && ip link set out up && "
                       "ip route add 10.4.0.9 dev out && ip route add 10.4.0.2 dev in && "
                       "ip route add fd04::9 dev out && ip route add fd04::2 dev in"),
              absl::OkStatus());
  }

  Sample Whole(std::size_t payload_bytes) const {
    Sample sample;
    sample.family = GetParam().family;
    sample.is_tcp = GetParam().is_tcp;
    sample.payload = SamplePayload(payload_bytes);
    sample.options = std::string("\x01\x01\x08\x0a", 4) + SamplePayload(8);
    sample.id = 0xfffa;
    sample.sequence = 0xfffff000;
    return sample;
  }

  static Sample Forwarded(Sample sample) {
    sample.hop_limit -= 1;
    return sample;
  }

  std::optional<Tun> in_, out_;
};

TEST_P(KernelFramesTest, FramesThatWePutTogetherAreCutToThePacketsThatCame) {
  const Features offered = out_->Offer(kNoOffloads);
  ASSERT_FALSE(offered.tso || offered.uso || offered.checksum);
  for (std::size_t payload_bytes : {2 * 1400, 20 * 1400 + 1, 46 * 1400}) {
    const Sample whole = Whole(payload_bytes);
    const std::vector<Written> frames = Coalesce(SegmentsOf(whole, 1400));
    ASSERT_EQ(frames.size(), 1u);
    in_->Write({frames[0].offload, frames[0].bytes});
    const std::vector<std::string> expected = SegmentsOf(Forwarded(whole), 1400);
    std::size_t frames_read = 0;
    ASSERT_EQ(out_->Read(expected.size(), &frames_read), expected) << payload_bytes;
    EXPECT_EQ(frames_read, expected.size()) << "the kernel is the one that cut";
  }
}

TEST_P(KernelFramesTest, FramesThatTheKernelLeavesToUsAreCutAsItWould) {
  const Features offered = out_->Offer(kAllOffloads);
  if (!(GetParam().is_tcp ? offered.tso : offered.uso)) {
    GTEST_SKIP() << "this kernel leaves no frames of the kind to a TUN device";
  }
  for (std::size_t payload_bytes : {2 * 1400, 20 * 1400 + 1, 46 * 1400}) {
    Sample whole = Whole(payload_bytes);
    whole.flags = 0x19;  // FIN and PSH, which belong to the last
    in_->Write(MakeFrame(whole, 1400));
    const std::vector<std::string> expected = SegmentsOf(Forwarded(whole), 1400);
    std::size_t frames_read = 0;
    ASSERT_EQ(out_->Read(expected.size(), &frames_read), expected) << payload_bytes;
    EXPECT_EQ(frames_read, 1u) << "we are those who cut";
  }
}

TEST_P(KernelFramesTest, TheKernelCutsAsTheSamplesSay) {
  out_->Offer(kNoOffloads);
  Sample whole = Whole(5000);
  whole.flags = 0x99;  // with CWR, which belongs to the first
  SampleFrame frame = MakeFrame(whole, 1400);
  if (GetParam().is_tcp) frame.offload.kind |= Offload::kEcn;
  in_->Write(frame);
  std::size_t frames_read = 0;
  EXPECT_EQ(out_->Read(4, &frames_read), SegmentsOf(Forwarded(whole), 1400));
}

TEST_P(KernelFramesTest, AChecksumThatTheKernelLeavesToUsIsFilledIn) {
  const Features offered = out_->Offer(kAllOffloads);
  ASSERT_TRUE(offered.checksum);
  const Sample whole = Whole(1000);
  SampleFrame frame = MakeFrame(whole, 0);
  frame.offload.kind = Offload::kNone;
  in_->Write(frame);
  std::size_t frames_read = 0;
  EXPECT_EQ(out_->Read(1, &frames_read), std::vector<std::string>{Forwarded(whole).Bytes()});
}

INSTANTIATE_TEST_SUITE_P(Kinds, KernelFramesTest,
                         ::testing::Values(FlowKind{Family::kV4, true}, FlowKind{Family::kV6, true},
                                           FlowKind{Family::kV4, false},
                                           FlowKind{Family::kV6, false}),
                         NameOf);

}  // namespace
}  // namespace heddle::node::forwarder
