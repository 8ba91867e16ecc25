// Packets from peers: any bytes, and streams with all that may happen to them.
#include "node/dataplane/forwarder/coalesce.h"
#include "node/dataplane/forwarder/far_side.h"
#include "node/dataplane/forwarder/icmp_error.h"
#include "node/dataplane/forwarder/sample_packets.h"
#include "tests/fuzz/fuzz.h"

namespace heddle::node::forwarder {
namespace {

using fuzz::Require;

constexpr std::size_t kMaxPackets = 2000;

void RequireSoundFrames(absl::Span<const Frame> frames, std::size_t packets) {
  std::size_t packets_in_frames = 0;
  for (const Frame& frame : frames) {
    packets_in_frames += frame.packets;
    Require(frame.packets > 0 && frame.pieces.size() == frame.packets + 1);
    Require(frame.pieces.size() <= Frame::kMaxPieces && frame.bytes <= 65535 + 40);
    Require((frame.packets > 1) == (frame.offload.kind != Offload::kNone));
  }
  Require(packets_in_frames == packets);
}

void RequireSoundPackets(const std::vector<Written>& frames) {
  for (const Written& frame : frames) {
    if (frame.packets == 1) continue;
    for (const std::string& packet : CutAgain({frame})) Require(WrongWith(packet).empty());
  }
}

// The same batch twice: what one needs of memory is enough for the other.
void CheckPackets(const std::vector<std::string>& packets) {
  Coalescer coalescer({true, true});
  const iovec* pieces = nullptr;
  for (int round = 0; round < 2; ++round) {
    // One by one, so that a reader that goes too far leaves the heap block.
    std::vector<std::vector<std::uint8_t>> copies;
    for (const std::string& packet : packets) copies.emplace_back(packet.begin(), packet.end());
    for (auto& copy : copies) coalescer.Add(*ParsePacket(absl::MakeSpan(copy)));
    const absl::Span<const Frame> frames = coalescer.Finish();
    RequireSoundFrames(frames, packets.size());
    const std::vector<Written> written = WrittenOf(frames);
    RequireSoundPackets(written);
    Require(ByFlow(CutAgain(written)) == ByFlow(packets));
    if (!frames.empty()) {
      Require(round == 0 || frames[0].pieces.data() == pieces);
      pieces = frames[0].pieces.data();
    }
    coalescer.Clear();
  }
}

// Whatever a packet is, one that can be told of is told of with a packet.
void CheckIcmpError(const Packet& packet) {
  const Ip own = packet.family == Family::kV4 ? Ip(Family::kV4, 0x0a040700)
                                              : Ip(Family::kV6, absl::uint128(0xfd) << 120 | 1);
  for (IcmpError error : {IcmpError::kNoRoute, IcmpError::kHopLimitExceeded}) {
    std::vector<std::uint8_t> bytes = MakeIcmpError(error, packet, own);
    if (!bytes.empty()) Require(ParsePacket(absl::MakeSpan(bytes)).has_value());
  }
}

void CheckAny(const std::string& input) {
  std::vector<std::string> packets;
  fuzz::Pieces pieces(input);
  while (auto piece = pieces.Next()) {
    std::vector<std::uint8_t> bytes(piece->bytes.begin(), piece->bytes.end());
    auto packet = ParsePacket(absl::MakeSpan(bytes));
    if (!packet) continue;
    CheckIcmpError(*packet);
    if (packet->hop_limit > 0) DecrementHopLimit(&*packet);
    packets.push_back(ToString(bytes));
    if (packets.size() == kMaxPackets) break;
  }
  CheckPackets(packets);
}

// What befalls the next packet of a flow.
void Change(std::uint8_t what, std::uint8_t by, Sample* sample) {
  switch (what % 16) {
    case 1:
      sample->sequence += by;
      break;
    case 2:
      sample->id += by;
      break;
    case 3:
      sample->flags = by;
      break;
    case 4:
      sample->acknowledged += by;
      break;
    case 5:
      sample->window += by;
      break;
    case 6:
      sample->tos = by;
      break;
    case 7:
      sample->hop_limit = by;
      break;
    case 8:
      sample->dont_fragment = by % 2 == 0;
      break;
    case 9:
      sample->options = std::string(by % 11 * 4, '\1');
      break;
    case 10:
      sample->flow_label += by;
      break;
    case 11:
      sample->flags |= 0x08;
      break;
    default:
      break;
  }
}

// Each four bytes are a packet: of which flow, how large, what is different about it and how.
void CheckStreams(const std::string& input) {
  std::vector<Sample> flows(20);
  for (std::size_t i = 0; i < flows.size(); ++i) {
    flows[i].family = kFamilies[i % 2];
    flows[i].is_tcp = i % 4 < 2;
    flows[i].source_port = static_cast<std::uint16_t>(i / 4);
  }
  std::vector<std::string> packets;
  for (std::size_t at = 0; at + 4 <= input.size() && packets.size() < kMaxPackets; at += 4) {
    const auto* op = reinterpret_cast<const std::uint8_t*>(&input[at]);
    Sample& flow = flows[op[0] % flows.size()];
    Sample next = flow;
    next.payload = SamplePayload(op[1], static_cast<std::uint32_t>(at));
    Change(op[2], op[3], &next);
    packets.push_back(next.Bytes());
    // The flow goes on from there, but for what is of one packet.
    const std::uint8_t flags = flow.flags;
    flow = next;
    flow.flags = flags;
    flow.sequence += op[1];
    flow.id += 1;
    if (op[2] % 16 == 12) {
      std::string& packet = packets.back();
      const std::size_t ip_bytes = next.family == Family::kV4 ? 24 : 44;
      char& byte = packet[ip_bytes + op[3] % (packet.size() - ip_bytes)];
      byte = static_cast<char>(byte ^ 0x10);
    }
  }
  CheckPackets(packets);
}

}  // namespace
}  // namespace heddle::node::forwarder

HEDDLE_FUZZ_ONE_OF(heddle::node::forwarder::CheckAny, heddle::node::forwarder::CheckStreams)
