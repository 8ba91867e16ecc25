#include "node/dataplane/forwarder/counters.h"

namespace heddle::node::forwarder {

absl::string_view CountName(Count count) {
  switch (count) {
    case Count::kSentPackets:
      return "sent_packets";
    case Count::kSentBytes:
      return "sent_bytes";
    case Count::kReceivedPackets:
      return "received_packets";
    case Count::kReceivedBytes:
      return "received_bytes";
    case Count::kDroppedNoTunnel:
      return "dropped_no_tunnel";
    case Count::kDroppedUnknownPeer:
      return "dropped_unknown_peer";
    case Count::kDroppedSpoofed:
      return "dropped_spoofed";
    case Count::kDroppedNotOurs:
      return "dropped_not_ours";
    case Count::kDroppedMalformed:
      return "dropped_malformed";
    case Count::kDroppedHopLimit:
      return "dropped_hop_limit";
    case Count::kDroppedUnsent:
      return "dropped_unsent";
    case Count::kDroppedUndelivered:
      return "dropped_undelivered";
    case Count::kSystemCallsSend:
      return "system_calls_send";
    case Count::kSystemCallsReceive:
      return "system_calls_receive";
    case Count::kSystemCallsTunRead:
      return "system_calls_tun_read";
    case Count::kSystemCallsTunWrite:
      return "system_calls_tun_write";
  }
  return "";
}

}  // namespace heddle::node::forwarder
