#include "node/probe/echo_packet.h"

#include <linux/if_ether.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <algorithm>

#include "node/dataplane/forwarder/byte_order.h"
#include "node/dataplane/forwarder/checksum.h"

namespace heddle::node {
namespace {

constexpr int kIcmpHeaderBytes = 8;  // type, code, checksum, id, sequence
constexpr int kTokenBytes = 8;
constexpr int kTimeToLive = 64;

// What differs between the families.
struct Protocol {
  int number, request_type, reply_type, ip_header_bytes, ether_type;
};
constexpr Protocol kProtocols[] = {
    {IPPROTO_ICMP, ICMP_ECHO, ICMP_ECHOREPLY, 20, ETH_P_IP},
    {IPPROTO_ICMPV6, ICMP6_ECHO_REQUEST, ICMP6_ECHO_REPLY, 40, ETH_P_IPV6}};

const Protocol& ProtocolOf(Family family) { return kProtocols[static_cast<int>(family)]; }

// Big-endian, as all of this is.
void Append(std::uint64_t value, int bytes, std::string* out) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(value >> shift & 0xff));
  }
}

std::uint64_t NumberAt(absl::string_view bytes, std::size_t at, int size) {
  std::uint64_t value = 0;
  for (int i = 0; i < size; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}

// Writes the checksum of `covered`.
void SetChecksum(std::size_t at, absl::string_view covered, std::string* bytes) {
  const auto* first = reinterpret_cast<const std::uint8_t*>(covered.data());
  const std::uint16_t checksum =
      forwarder::ChecksumOf(forwarder::SumBytes({first, covered.size()}));
  forwarder::StoreNative(reinterpret_cast<std::uint8_t*>(&(*bytes)[at]), checksum);
}

// A VXLAN header (RFC 7348, section 5) and an Ethernet header to every MAC.
std::string FrameForAnyMac(std::uint32_t vni, const Mac& source_mac, int ether_type) {
  std::string frame;
  Append(0x08000000, 4, &frame);
  Append(std::uint64_t{vni} << 8, 4, &frame);
  frame.append(6, '\xff');
  frame += source_mac.ToBytes();
  Append(ether_type, 2, &frame);
  return frame;
}

std::string Ipv4Header(const Ip& from, const Ip& to, std::size_t content_bytes) {
  std::string header;
  Append(0x4500, 2, &header);
  Append(20 + content_bytes, 2, &header);
  Append(0, 2, &header);       // identification
  Append(0x4000, 2, &header);  // don't fragment
  Append(kTimeToLive, 1, &header);
  Append(IPPROTO_ICMP, 1, &header);
  Append(0, 2, &header);
  header += from.ToBytes() + to.ToBytes();
  SetChecksum(10, header, &header);
  return header;
}

std::string Ipv6Header(const Ip& from, const Ip& to, std::size_t content_bytes, int hop_limit) {
  std::string header;
  Append(6u << 28, 4, &header);
  Append(content_bytes, 2, &header);
  Append(IPPROTO_ICMPV6, 1, &header);
  Append(hop_limit, 1, &header);
  return header + from.ToBytes() + to.ToBytes();
}

// An ICMPv6 checksum covers the addresses too (RFC 8200, section 8.1).
void SetIcmpv6Checksum(const Ip& from, const Ip& to, std::string* icmp) {
  std::string covered = from.ToBytes() + to.ToBytes();
  Append(icmp->size(), 4, &covered);
  Append(IPPROTO_ICMPV6, 4, &covered);
  SetChecksum(2, covered + *icmp, icmp);
}

}  // namespace

std::string EchoRequest(Family family, const EchoTag& tag, int packet_bytes) {
  const Protocol& protocol = ProtocolOf(family);
  std::string icmp;
  Append(protocol.request_type, 1, &icmp);
  Append(0, 1, &icmp);
  Append(0, 2, &icmp);
  Append(tag.id, 2, &icmp);
  Append(0, 2, &icmp);
  Append(tag.token, kTokenBytes, &icmp);
  icmp.resize(std::max(packet_bytes, kSmallPacketBytes) - protocol.ip_header_bytes);
  if (family == Family::kV4) SetChecksum(2, icmp, &icmp);
  return icmp;
}

std::optional<EchoTag> ParseEchoReply(Family family, bool with_ip_header, absl::string_view bytes) {
  if (with_ip_header) {
    if (bytes.empty()) return std::nullopt;
    const std::size_t header = (static_cast<std::uint8_t>(bytes[0]) & 0xf) * 4;
    if (bytes.size() < header) return std::nullopt;
    bytes.remove_prefix(header);
  }
  if (bytes.size() < kIcmpHeaderBytes + kTokenBytes) return std::nullopt;
  if (NumberAt(bytes, 0, 1) != static_cast<std::uint64_t>(ProtocolOf(family).reply_type)) {
    return std::nullopt;
  }
  return EchoTag{static_cast<std::uint16_t>(NumberAt(bytes, 4, 2)),
                 NumberAt(bytes, kIcmpHeaderBytes, kTokenBytes)};
}

std::string VxlanEchoForAnyMac(std::uint32_t vni, const Mac& source_mac, const Ip& from,
                               const Ip& to, const EchoTag& tag) {
  const Family family = to.family();
  std::string icmp = EchoRequest(family, tag, kSmallPacketBytes);
  if (family == Family::kV6) SetIcmpv6Checksum(from, to, &icmp);
  const std::string header = family == Family::kV4 ? Ipv4Header(from, to, icmp.size())
                                                   : Ipv6Header(from, to, icmp.size(), kTimeToLive);
  return FrameForAnyMac(vni, source_mac, ProtocolOf(family).ether_type) + header + icmp;
}

std::string VxlanIntroduction(std::uint32_t vni, const Mac& source_mac, const Ip& from,
                              const Ip& to) {
  if (to.family() == Family::kV4) {
    std::string arp = FrameForAnyMac(vni, source_mac, ETH_P_ARP);
    Append(1, 2, &arp);  // Ethernet
    Append(ETH_P_IP, 2, &arp);
    Append(0x0604, 2, &arp);  // sizes of the addresses
    Append(1, 2, &arp);       // request
    return arp + source_mac.ToBytes() + from.ToBytes() + std::string(6, '\0') + to.ToBytes();
  }
  std::string icmp;
  Append(ND_NEIGHBOR_SOLICIT, 1, &icmp);
  Append(0, 7, &icmp);
  icmp += to.ToBytes();
  Append(ND_OPT_SOURCE_LINKADDR, 1, &icmp);
  Append(1, 1, &icmp);  // in units of eight bytes
  icmp += source_mac.ToBytes();
  SetIcmpv6Checksum(from, to, &icmp);
  constexpr int kNeverRouted = 255;  // or it is ignored (RFC 4861, section 7.1.1)
  return FrameForAnyMac(vni, source_mac, ETH_P_IPV6) +
         Ipv6Header(from, to, icmp.size(), kNeverRouted) + icmp;
}

}  // namespace heddle::node
