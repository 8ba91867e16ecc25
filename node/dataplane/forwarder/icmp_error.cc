#include "node/dataplane/forwarder/icmp_error.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <algorithm>
#include <string>

#include "node/dataplane/forwarder/byte_order.h"
#include "node/dataplane/forwarder/checksum.h"

namespace heddle::node::forwarder {
namespace {

constexpr std::size_t kIcmpHeaderBytes = 8;  // type, code, checksum, 4 unused
constexpr std::size_t kIcmpChecksum = 2;     // in it
constexpr std::uint8_t kHopLimit = 64;
// Internetwork control (RFC 1812, section 4.3.2.5).
constexpr std::uint8_t kIpv4Tos = 0xc0;
constexpr std::uint8_t kDontFragment = 0x40;

// What differs between the families.
struct Protocol {
  std::uint8_t number, no_route_type, no_route_code, hop_limit_type, hop_limit_code;
  std::size_t header_bytes, max_bytes;
};
constexpr Protocol kProtocols[] = {
    {IPPROTO_ICMP, ICMP_DEST_UNREACH, ICMP_NET_UNREACH, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL, 20, 576},
    {IPPROTO_ICMPV6, ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOROUTE, ICMP6_TIME_EXCEEDED,
     ICMP6_TIME_EXCEED_TRANSIT, 40, 1280}};

const Protocol& ProtocolOf(Family family) { return kProtocols[static_cast<int>(family)]; }

// One host, which can be told something.
bool IsHost(const Ip& ip) {
  if (ip.is_zero() || ip.is_multicast() || ip.is_link_local() || ip.is_loopback()) return false;
  if (ip.family() == Family::kV6) return true;
  // 0.0.0.0/8, and 240.0.0.0/4 with 255.255.255.255.
  const auto first_byte = static_cast<std::uint8_t>(absl::Uint128Low64(ip.number() >> 24));
  return first_byte != 0 && first_byte < 240;
}

// Whether the ICMP message of this type asks or answers. All else counts as an error.
bool IsQuery(Family family, std::uint8_t type) {
  if (family == Family::kV6) return type >= ICMP6_INFOMSG_MASK && type != ND_REDIRECT;
  return type == ICMP_ECHOREPLY || type == ICMP_ECHO ||
         (type >= ICMP_ROUTERADVERT && type <= ICMP_ROUTERSOLICIT) ||
         (type >= ICMP_TIMESTAMP && type <= ICMP_ADDRESSREPLY);
}

bool MayBeToldOf(const Packet& packet) {
  const auto upper = FindUpperLayer(packet);
  if (!upper || upper->part == UpperLayer::Part::kLaterFragment) return false;
  if (upper->protocol == ProtocolOf(packet.family).number &&
      (upper->at == packet.bytes.size() || !IsQuery(packet.family, packet.bytes[upper->at]))) {
    return false;
  }
  return IsHost(packet.source()) && IsHost(packet.destination());
}

void WriteIpHeader(const Ip& from, const Packet& to_sender_of, std::vector<std::uint8_t>* bytes) {
  const Protocol& protocol = ProtocolOf(from.family());
  std::uint8_t* header = bytes->data();
  if (from.family() == Family::kV4) {
    header[0] = 0x45;
    header[1] = kIpv4Tos;
    header[6] = kDontFragment;
    header[8] = kHopLimit;
    header[9] = protocol.number;
  } else {
    header[0] = 0x60;
    header[6] = protocol.number;
    header[7] = kHopLimit;
  }
  const std::string source = from.ToBytes();
  const auto addresses = to_sender_of.addresses();
  std::uint8_t* at = header + protocol.header_bytes - 2 * source.size();
  at = std::copy(source.begin(), source.end(), at);
  std::copy_n(addresses.begin(), source.size(), at);
  SetPacketBytes(from.family(), bytes->size(), absl::MakeSpan(header, protocol.header_bytes));
}

}  // namespace

std::vector<std::uint8_t> MakeIcmpError(IcmpError error, const Packet& packet, const Ip& own) {
  if (own.family() != packet.family || !MayBeToldOf(packet)) return {};
  const Protocol& protocol = ProtocolOf(packet.family);
  const std::size_t before_quote = protocol.header_bytes + kIcmpHeaderBytes;
  std::vector<std::uint8_t> bytes(std::min(before_quote + packet.bytes.size(), protocol.max_bytes));
  WriteIpHeader(own, packet, &bytes);
  const auto icmp = absl::MakeSpan(bytes).subspan(protocol.header_bytes);
  const bool no_route = error == IcmpError::kNoRoute;
  icmp[0] = no_route ? protocol.no_route_type : protocol.hop_limit_type;
  icmp[1] = no_route ? protocol.no_route_code : protocol.hop_limit_code;
  std::copy_n(packet.bytes.begin(), bytes.size() - before_quote, icmp.begin() + kIcmpHeaderBytes);
  // ICMPv6's covers the addresses, too.
  const std::uint64_t pseudo_header =
      packet.family == Family::kV6
          ? SumPseudoHeader(*ParsePacket(absl::MakeSpan(bytes)), protocol.number, icmp.size())
          : 0;
  StoreNative(&icmp[kIcmpChecksum], ChecksumOf(pseudo_header + SumBytes(icmp)));
  return bytes;
}

}  // namespace heddle::node::forwarder
