#include "node/dataplane/forwarder/coalesce.h"

#include "node/dataplane/forwarder/byte_order.h"
#include "node/dataplane/forwarder/checksum.h"
#include "node/dataplane/forwarder/transport.h"

namespace heddle::node::forwarder {
namespace {

constexpr std::size_t kMaxFrameBytes = 65535;
constexpr std::size_t kMaxTcpSegments = Frame::kMaxPieces - 1;
// The kernel's UDP_MAX_SEGMENTS was that for long.
constexpr std::size_t kMaxUdpSegments = 64;

std::size_t MaxSegments(const Packet& packet) {
  return packet.protocol == IPPROTO_UDP ? kMaxUdpSegments : kMaxTcpSegments;
}

std::uint8_t KindOf(const Packet& packet) {
  if (packet.protocol == IPPROTO_UDP) return Offload::kUdp;
  return packet.family == Family::kV4 ? Offload::kTcpV4 : Offload::kTcpV6;
}

// Makes the first packet's headers those of the whole frame, whose checksum the kernel is left to
// complete.
Offload CompleteHeaders(const Candidate& first, std::size_t frame_bytes, bool pushes) {
  const Packet& packet = first.packet;
  const absl::Span<std::uint8_t> transport = first.transport();
  const std::size_t transport_bytes = frame_bytes - packet.header_bytes;
  SetPacketBytes(packet.family, frame_bytes, packet.bytes.first(packet.header_bytes));
  if (packet.protocol == IPPROTO_UDP) {
    Store16(&transport[udp::kLength], transport_bytes);
  } else if (pushes) {
    transport[tcp::kFlags] |= tcp::kPsh;
  }
  const std::size_t checksum_at = ChecksumAt(packet.protocol);
  StoreNative(&transport[checksum_at],
              FoldSum(SumPseudoHeader(packet, packet.protocol, transport_bytes)));
  Offload offload;
  offload.flags = Offload::kNeedsChecksum;
  offload.kind = KindOf(packet);
  offload.header_bytes = static_cast<std::uint16_t>(first.header_bytes);
  offload.segment_bytes = static_cast<std::uint16_t>(first.payload_bytes());
  offload.checksum_start = static_cast<std::uint16_t>(packet.header_bytes);
  offload.checksum_offset = static_cast<std::uint16_t>(checksum_at);
  return offload;
}

}  // namespace

void Coalescer::Add(const Packet& packet) {
  using Kind = Candidate::Kind;
  const Candidate candidate = Examine(packet);
  const bool wanted = packet.protocol == IPPROTO_UDP ? options_.udp : options_.tcp;
  if (candidate.kind == Kind::kOpaque) CloseAllBetween(packet);
  if (!wanted || candidate.kind == Kind::kForeign || candidate.kind == Kind::kOpaque) {
    Begin(candidate);
    return;
  }
  const std::uint64_t tag = FlowTag(candidate);
  Open* open = FindOpen(candidate, tag);
  if (open != nullptr) {
    if (candidate.kind == Kind::kSegment && Append(candidate, open)) return;
    open->run = kNone;
  }
  const std::size_t run = Begin(candidate);
  if (candidate.kind == Kind::kSegment && !candidate.pushes()) OfferToFollowers(run, tag);
}

bool Coalescer::Append(const Candidate& segment, Open* open) {
  Run& run = runs_[open->run];
  const std::size_t payload_bytes = segment.payload_bytes();
  if (run.bytes + payload_bytes > kMaxFrameBytes || !Continues(run.first, run.packets, segment) ||
      (run.packets == 1 && !HasRightChecksums(run.first)) || !HasRightChecksums(segment)) {
    return false;
  }
  shares_.push_back(
      {open->run, {segment.packet.bytes.data() + segment.header_bytes, payload_bytes}});
  run.packets += 1;
  run.bytes += payload_bytes;
  run.pushes = segment.pushes();
  if (run.pushes || payload_bytes < run.first.payload_bytes() ||
      run.packets == MaxSegments(run.first.packet)) {
    open->run = kNone;
  }
  return true;
}

std::size_t Coalescer::Begin(const Candidate& first) {
  const std::size_t run = runs_.size();
  const absl::Span<std::uint8_t> bytes = first.packet.bytes;
  runs_.push_back({first, 1, bytes.size(), false});
  shares_.push_back({run, {bytes.data(), bytes.size()}});
  return run;
}

Coalescer::Open* Coalescer::FindOpen(const Candidate& candidate, std::uint64_t tag) {
  for (Open& open : open_) {
    if (open.tag == tag && open.run != kNone && AreOfOneFlow(candidate, runs_[open.run].first)) {
      return &open;
    }
  }
  return nullptr;
}

void Coalescer::CloseAllBetween(const Packet& packet) {
  for (Open& open : open_) {
    if (open.run != kNone && HaveSameAddresses(packet, runs_[open.run].first.packet)) {
      open.run = kNone;
    }
  }
}

void Coalescer::OfferToFollowers(std::size_t run, std::uint64_t tag) {
  open_[oldest_open_] = {tag, run};
  oldest_open_ = (oldest_open_ + 1) % kMaxOpen;
}

absl::Span<const Frame> Coalescer::Finish() {
  frames_.resize(runs_.size());
  pieces_.resize(runs_.size() + shares_.size());
  // Where the next piece of each run goes.
  next_piece_.resize(runs_.size());
  std::size_t at = 0;
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    const Run& run = runs_[i];
    Frame& frame = frames_[i];
    frame.offload =
        run.packets == 1 ? Offload{} : CompleteHeaders(run.first, run.bytes, run.pushes);
    frame.pieces = absl::MakeConstSpan(pieces_).subspan(at, 1 + run.packets);
    frame.packets = run.packets;
    frame.bytes = run.bytes;
    pieces_[at] = {&frame.offload, sizeof(frame.offload)};
    next_piece_[i] = at + 1;
    at += 1 + run.packets;
  }
  for (const Share& share : shares_) pieces_[next_piece_[share.run]++] = share.piece;
  return frames_;
}

void Coalescer::Clear() {
  runs_.clear();
  shares_.clear();
  open_.fill({});
}

}  // namespace heddle::node::forwarder
