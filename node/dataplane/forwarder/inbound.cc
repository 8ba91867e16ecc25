#include "node/dataplane/forwarder/inbound.h"

#include <string.h>
#include <sys/socket.h>

#include <algorithm>

#include "absl/time/clock.h"

namespace heddle::node::forwarder {

Inbound::Inbound(TunQueue* tun, const PerFamily<int>& senders, const CoalesceOptions& options,
                 Counters* counters)
    : tun_(tun),
      senders_(senders),
      counters_(counters),
      coalescer_(options),
      errors_(absl::Now()) {}

void Inbound::Run(const TunnelTable& table, UdpReceiver* receiver) {
  coalescer_.Clear();
  last_addresses_ = nullptr;
  for (const Bundle& bundle : receiver->Receive(&buffers_)) {
    absl::Span<std::uint8_t> left = bundle.bytes;
    do {  // a datagram may be empty
      const absl::Span<std::uint8_t> datagram = left.subspan(0, bundle.datagram_bytes);
      Take(table, bundle.from, datagram);
      left.remove_prefix(datagram.size());
    } while (!left.empty());
  }
  for (const Frame& frame : coalescer_.Finish()) Deliver(frame);
}

void Inbound::Take(const TunnelTable& table, const Ip& from, absl::Span<std::uint8_t> datagram) {
  auto packet = ParsePacket(datagram);
  if (!packet) return counters_->Add(Count::kDroppedMalformed);
  if (!Accept(table, from, *packet)) return;
  if (packet->hop_limit <= 1) {
    counters_->Add(Count::kDroppedHopLimit);
    return TellOutOfHops(table, *packet);
  }
  DecrementHopLimit(&*packet);
  coalescer_.Add(*packet);
}

bool Inbound::Accept(const TunnelTable& table, const Ip& from, const Packet& packet) {
  const absl::Span<const std::uint8_t> addresses = packet.addresses();
  if (last_addresses_ != nullptr && last_family_ == packet.family && last_from_ == from &&
      memcmp(last_addresses_, addresses.data(), addresses.size()) == 0) {
    return true;
  }
  switch (table.Judge(from, packet.source(), packet.destination())) {
    case Verdict::kUnknownPeer:
      counters_->Add(Count::kDroppedUnknownPeer);
      return false;
    case Verdict::kSpoofed:
      counters_->Add(Count::kDroppedSpoofed);
      return false;
    case Verdict::kNotOurs:
      counters_->Add(Count::kDroppedNotOurs);
      return false;
    case Verdict::kAccepted:
      break;
  }
  last_from_ = from;
  last_addresses_ = addresses.data();
  last_family_ = packet.family;
  return true;
}

void Inbound::Deliver(const Frame& frame) {
  if (!tun_->Write(frame)) return counters_->Add(Count::kDroppedUndelivered, frame.packets);
  const std::size_t repeated_headers = (frame.packets - 1) * frame.offload.header_bytes;
  counters_->Add(Count::kReceivedPackets, frame.packets);
  counters_->Add(Count::kReceivedBytes, frame.bytes + repeated_headers);
}

void Inbound::TellOutOfHops(const TunnelTable& table, const Packet& packet) {
  const Endpoint* const to = table.Find(packet.source());
  if (to == nullptr || !senders_[to->address.family()]) return;
  const auto told = errors_.Make(IcmpError::kHopLimitExceeded, packet, table, absl::Now());
  if (told.empty()) return;
  SocketAddress address = ToSocketAddress(to->address, to->port);
  counters_->Add(Count::kSystemCallsSend);
  if (sendto(*senders_[to->address.family()], told.data(), told.size(), MSG_DONTWAIT, address.get(),
             address.length) < 0) {
    return counters_->Add(Count::kDroppedUnsent);
  }
  counters_->Add(Count::kSentPackets);
  counters_->Add(Count::kSentBytes, told.size());
}

}  // namespace heddle::node::forwarder
