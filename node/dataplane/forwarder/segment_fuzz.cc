// Frames from a TUN device: any bytes, and frames that can be cut.
#include <algorithm>
#include <cstring>

#include "node/dataplane/forwarder/byte_order.h"
#include "node/dataplane/forwarder/far_side.h"
#include "node/dataplane/forwarder/sample_packets.h"
#include "node/dataplane/forwarder/segment.h"
#include "tests/fuzz/fuzz.h"

namespace heddle::node::forwarder {
namespace {

using fuzz::Require;

// Put together again, and cut again, packets are what they were.
void RequireCoalescingKeeps(const std::vector<std::string>& packets) {
  std::vector<std::vector<std::uint8_t>> copies;
  for (const std::string& packet : packets) copies.emplace_back(packet.begin(), packet.end());
  Coalescer coalescer({true, true});
  for (auto& copy : copies) {
    const auto packet = ParsePacket(absl::MakeSpan(copy));
    Require(packet.has_value());
    coalescer.Add(*packet);
  }
  Require(ByFlow(CutAgain(WrittenOf(coalescer.Finish()))) == ByFlow(packets));
}

// An Offload, and a packet that came with it.
void CheckAny(const std::string& input) {
  Offload offload;
  if (input.size() < sizeof(offload)) return;
  std::memcpy(&offload, input.data(), sizeof(offload));
  std::vector<std::uint8_t> bytes(input.begin() + sizeof(offload), input.end());
  const std::vector<std::uint8_t> original = bytes;
  const auto packet = ParsePacket(absl::MakeSpan(bytes));
  if (!packet) return;
  Segmenter segmenter;
  const auto pieces = segmenter.Cut(offload, *packet);
  if (pieces.empty() || offload.kind != Offload::kNone) Require(bytes == original);
  if (pieces.empty()) return;
  std::size_t payload_bytes = 0;
  for (const Pieces& p : pieces) {
    payload_bytes += p.payload.size();
    Require(p.size() == pieces[0].size() || &p == &pieces.back());
    Require(p.size() <= pieces[0].size());
  }
  Require(payload_bytes + pieces[0].header.size() == original.size());
  RequireCoalescingKeeps(PacketsOf(pieces));
}

// A frame by its properties: as the sender would have cut it.
void CheckFrame(const std::string& input) {
  constexpr std::size_t kProperties = 16;
  if (input.size() < kProperties) return;
  const auto* at = reinterpret_cast<const std::uint8_t*>(input.data());
  Sample sample;
  sample.family = at[0] & 1 ? Family::kV6 : Family::kV4;
  sample.is_tcp = (at[0] & 2) != 0;
  sample.dont_fragment = (at[0] & 4) != 0;
  sample.flags = at[1];
  sample.options = std::string(at[2] % 11 * 4, '\1');
  sample.tos = at[3];
  sample.sequence = Load32(at + 4);
  sample.id = Load16(at + 8);
  // The rest is all the payload, and once more, and again, up to 60 kB.
  const std::size_t payload_bytes = 1 + Load16(at + 10) % 60'000;
  const std::string pattern = input.substr(kProperties) + "x";
  while (sample.payload.size() < payload_bytes) sample.payload += pattern;
  sample.payload.resize(payload_bytes);
  const std::size_t segment_bytes = std::max<std::size_t>(Load16(at + 12), payload_bytes / 100 + 1);
  SampleFrame frame = MakeFrame(sample, segment_bytes);
  Segmenter segmenter;
  const std::vector<std::string> packets =
      PacketsOf(segmenter.Cut(frame.offload, ParseSample(&frame.bytes)));
  Require(packets == SegmentsOf(sample, segment_bytes));
  RequireCoalescingKeeps(packets);
}

}  // namespace
}  // namespace heddle::node::forwarder

HEDDLE_FUZZ_ONE_OF(heddle::node::forwarder::CheckAny, heddle::node::forwarder::CheckFrame)
