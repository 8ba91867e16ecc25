// Streams as a network delivers them: interleaved, with losses, copies, other orders, broken bytes.
// Whatever becomes of them, the far side must get, flow by flow, the very packets that came.
#include <gtest/gtest.h>

#include <random>

#include "node/dataplane/forwarder/coalesce_fixture.h"
#include "node/dataplane/forwarder/far_side.h"
#include "node/dataplane/forwarder/sample_packets.h"

namespace heddle::node::forwarder {
namespace {

class Network {
 public:
  explicit Network(std::uint32_t seed) : random_(seed) {
    flows_.resize(1 + Below(24));
    for (std::size_t i = 0; i < flows_.size(); ++i) {
      Sample& flow = flows_[i];
      flow.family = kFamilies[Below(2)];
      flow.is_tcp = Chance(0.6);
      flow.source_port = static_cast<std::uint16_t>(1000 + i);
      flow.id = static_cast<std::uint16_t>(random_());
      flow.sequence = static_cast<std::uint32_t>(random_());
      flow.dont_fragment = Chance(0.5);
      if (Chance(0.5)) flow.options = std::string("\x01\x01\x08\x0a", 4) + SamplePayload(8);
      sizes_.push_back(1 + Below(1400));
    }
  }

  std::vector<std::string> Batch() {
    std::vector<std::string> packets;
    while (packets.size() < 200) {
      const std::size_t flow = Below(flows_.size());
      for (std::size_t burst = 1 + Below(20); burst > 0; --burst) packets.push_back(Next(flow));
    }
    for (std::size_t i = 0; i + 1 < packets.size(); ++i) {
      if (Chance(0.02)) std::swap(packets[i], packets[i + 1]);
      if (Chance(0.01)) packets[i + 1] = packets[i];
      if (Chance(0.02)) Break(&packets[i]);
    }
    return packets;
  }

 private:
  std::size_t Below(std::size_t n) { return random_() % n; }
  bool Chance(double p) { return std::bernoulli_distribution(p)(random_); }

  std::string Next(std::size_t index) {
    Sample& flow = flows_[index];
    flow.payload = SamplePayload(Chance(0.1) ? Below(1500) : sizes_[index], random_());
    flow.flags = Chance(0.9) ? 0x10 : static_cast<std::uint8_t>(random_());
    const std::string bytes = flow.Bytes();
    if (Chance(0.95)) flow.sequence += static_cast<std::uint32_t>(flow.payload.size());
    if (Chance(0.95)) flow.id += 1;
    if (Chance(0.05)) flow.acknowledged += 100;
    return bytes;
  }

  // In a byte after those that say which flow it is of and how long it is.
  void Break(std::string* packet) {
    const std::size_t from = (*packet)[0] >> 4 == 4 ? 24 : 44;
    (*packet)[from + Below(packet->size() - from)] ^= static_cast<char>(1 << Below(8));
  }

  std::mt19937 random_;
  std::vector<Sample> flows_;
  std::vector<std::size_t> sizes_;
};

TEST(CoalesceRandom, CutAgainTheFarSideGetsWhatCame) {
  std::size_t packets_in = 0, frames_out = 0;
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    const std::vector<std::string> packets = Network(seed).Batch();
    const std::vector<Written> frames = Coalesce(packets);
    const std::vector<std::string> again = CutAgain(frames);
    ASSERT_EQ(ByFlow(packets), ByFlow(again)) << "seed " << seed;
    packets_in += packets.size();
    frames_out += frames.size();
  }
  // Else all of this would also hold of something that never puts any together.
  EXPECT_LT(frames_out * 2, packets_in);
}

TEST(CoalesceRandom, WhatWasPutTogetherWasRight) {
  for (std::uint32_t seed = 1000; seed < 1200; ++seed) {
    for (const Written& frame : Coalesce(Network(seed).Batch())) {
      EXPECT_EQ(frame.packets == 1, IsPlain(frame.offload));
      if (frame.packets == 1) continue;
      for (const std::string& packet : CutAgain({frame})) ASSERT_EQ(WrongWith(packet), "");
    }
  }
}

}  // namespace
}  // namespace heddle::node::forwarder
