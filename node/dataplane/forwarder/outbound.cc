#include "node/dataplane/forwarder/outbound.h"

#include "absl/time/clock.h"

namespace heddle::node::forwarder {
namespace {

constexpr std::size_t kAlignment = 64;

std::size_t Align(std::size_t n) { return (n + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

Outbound::Outbound(TunQueue* tun, const PerFamily<UdpSender*>& senders, Counters* counters)
    : tun_(tun),
      senders_(senders),
      counters_(counters),
      errors_(absl::Now()),
      arena_(new std::uint8_t[kArenaBytes]),
      segmenters_(kMaxFrames) {}

void Outbound::Run(const TunnelTable& table) {
  for (Trains& trains : trains_) trains.Clear();
  used_ = 0;
  std::size_t number = 0;
  while (number < kMaxFrames && TakeFrame(table, number)) ++number;
  for (Family family : kFamilies) {
    const Trains& trains = trains_[static_cast<int>(family)];
    if (trains.empty()) continue;
    if (!(*senders_[family])->Send(trains.all())) is_blocked_ = true;
  }
}

void Outbound::Resume() {
  is_blocked_ = false;
  senders_.ForEach([&](Family, UdpSender* sender) {
    if (!sender->Resume()) is_blocked_ = true;
  });
}

void Outbound::GiveUp() {
  senders_.ForEach([](Family, UdpSender* sender) { sender->GiveUp(); });
  is_blocked_ = false;
}

bool Outbound::TakeFrame(const TunnelTable& table, std::size_t number) {
  const std::size_t at = Align(used_ + TunQueue::kHeadroomBytes);
  if (at + TunQueue::kMaxPacketBytes > kArenaBytes) return false;
  Offload offload;
  const absl::Span<std::uint8_t> frame = tun_->Read(&arena_[at], &offload);
  if (frame.empty()) return false;
  used_ = at + frame.size();
  if (const auto packet = ParsePacket(frame)) {
    Route(table, *packet, offload, number);
  } else {
    counters_->Add(Count::kDroppedMalformed);
  }
  return true;
}

void Outbound::Route(const TunnelTable& table, const Packet& packet, const Offload& offload,
                     std::size_t number) {
  const Endpoint* const to = table.Find(packet.destination());
  if (to == nullptr) {
    counters_->Add(Count::kDroppedNoTunnel);
    const auto told = errors_.Make(IcmpError::kNoRoute, packet, table, absl::Now());
    if (!told.empty()) tun_->Write(told);
    return;
  }
  const absl::Span<const Pieces> datagrams = segmenters_[number].Cut(offload, packet);
  if (datagrams.empty()) counters_->Add(Count::kDroppedMalformed);
  if (!senders_[to->address.family()]) {
    counters_->Add(Count::kDroppedUnsent, datagrams.size());
    return;
  }
  Trains& trains = TrainsTo(*to);
  for (const Pieces& datagram : datagrams) trains.Add(to, datagram);
}

}  // namespace heddle::node::forwarder
