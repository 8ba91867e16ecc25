#include "node/dataplane/bare_loop.h"

#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <linux/wireguard.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "node/state/link_names.h"
#include "node/state/network_state.h"

namespace heddle::node {
namespace {

constexpr int kBatch = 128;

std::uint32_t Net(const Ip& ip) {
  return htonl(static_cast<std::uint32_t>(absl::Uint128Low64(ip.number())));
}

int OpenSocket(int protocol) {
  const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
  const int on = 1;
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
  return fd;
}

}  // namespace

const char* DeviceOf(Tunnel tunnel) {
  switch (tunnel) {
    case Tunnel::kVxlan:
      return "heddle.1";
    case Tunnel::kIpip:
      return kIpipLinkName;
    case Tunnel::kWireguard:
      return kWireguardLinkName;
  }
  return "";
}

Ip Base(int peer) { return Ip(Family::kV4, 0x0a000000u + (static_cast<unsigned>(peer) << 7)); }

Mac MacOf(int peer) {
  return Mac{{2, 0, 0, static_cast<std::uint8_t>(peer >> 16), static_cast<std::uint8_t>(peer >> 8),
              static_cast<std::uint8_t>(peer)}};
}

WireguardKey KeyOf(int peer) {
  WireguardKey key;
  key.bytes.fill(0x5a);
  for (int i = 0; i < 4; ++i) key.bytes[i] = static_cast<std::uint8_t>(peer >> (24 - 8 * i));
  return key;
}

Ip Remote(int peer) { return Ip(Family::kV4, 0xc6120000u + static_cast<unsigned>(peer)); }

std::uint32_t Id(int peer) { return 0x40000000u + static_cast<unsigned>(peer); }

Ip GatewayOf(Tunnel tunnel, int peer) {
  if (tunnel == Tunnel::kWireguard) return Ip();
  return tunnel == Tunnel::kVxlan ? Base(peer) : Remote(peer);
}

BareLoop::BareLoop(Tunnel tunnel, int peers)
    : tunnel_(tunnel),
      peers_(peers),
      index_(if_nametoindex(DeviceOf(tunnel))),
      route_fd_(OpenSocket(NETLINK_ROUTE)),
      generic_fd_(OpenSocket(NETLINK_GENERIC)) {}

BareLoop::~BareLoop() {
  close(route_fd_);
  close(generic_fd_);
}

bool BareLoop::Run() {
  if (tunnel_ == Tunnel::kWireguard) {
    fd_ = generic_fd_;
    const std::uint16_t family = WireguardFamily();
    for (int peer = 1; peer <= peers_; peer += kBatch) {
      WireguardPeers(family, peer, std::min(peer + kBatch, peers_ + 1));
    }
    Flush();
  }
  fd_ = route_fd_;
  if (tunnel_ == Tunnel::kVxlan) {
    for (int peer = 1; peer <= peers_; ++peer) Fdb(peer);
    for (int peer = 1; peer <= peers_; ++peer) NeighbourOf(peer);
  }
  for (int peer = 1; peer <= peers_; ++peer) NexthopOf(peer);
  for (int peer = 1; peer <= peers_; ++peer) RouteOf(peer);
  Flush();
  return ok_;
}

template <typename T>
void BareLoop::Put(const T& value) {
  std::memcpy(buffer_ + size_, &value, sizeof(value));
  size_ += (sizeof(value) + 3) & ~std::size_t{3};
}

void BareLoop::Begin(int type, int flags) {
  if (messages_ == kBatch) Flush();
  start_ = size_;
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = NLM_F_REQUEST | flags;
  Put(header);
  ++messages_;
}

template <typename T>
void BareLoop::Attribute(int type, const T& value) {
  Put(nlattr{static_cast<std::uint16_t>(NLA_HDRLEN + sizeof(value)),
             static_cast<std::uint16_t>(type)});
  Put(value);
}

std::size_t BareLoop::BeginNest(int type) {
  const std::size_t start = size_;
  Put(nlattr{0, static_cast<std::uint16_t>(type | NLA_F_NESTED)});
  return start;
}

void BareLoop::EndNest(std::size_t start) {
  const auto length = static_cast<std::uint16_t>(size_ - start);
  std::memcpy(buffer_ + start, &length, sizeof(length));
}

void BareLoop::End() {
  const auto length = static_cast<std::uint32_t>(size_ - start_);
  std::memcpy(buffer_ + start_, &length, sizeof(length));
}

// Only the last is acknowledged; whatever is refused is reported before.
void BareLoop::Flush() {
  if (size_ == 0) return;
  nlmsghdr last;
  std::memcpy(&last, buffer_ + start_, sizeof(last));
  last.nlmsg_flags |= NLM_F_ACK;
  last.nlmsg_seq = ++sequence_;
  std::memcpy(buffer_ + start_, &last, sizeof(last));
  char answer[4096];
  ok_ = ok_ && send(fd_, buffer_, size_, 0) == static_cast<ssize_t>(size_);
  ok_ = ok_ && recv(fd_, answer, sizeof(answer), 0) > 0;
  const auto* error = reinterpret_cast<const nlmsgerr*>(answer + NLMSG_HDRLEN);
  ok_ = ok_ && error->error == 0 && error->msg.nlmsg_seq == sequence_;
  size_ = messages_ = 0;
}

void BareLoop::Fdb(int peer) {
  Begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
  ndmsg header{};
  header.ndm_family = AF_BRIDGE;
  header.ndm_ifindex = index_;
  header.ndm_state = NUD_PERMANENT;
  header.ndm_flags = NTF_SELF;
  Put(header);
  Attribute(NDA_LLADDR, MacOf(peer).bytes);
  Attribute(NDA_DST, Net(Remote(peer)));
  End();
}

void BareLoop::NeighbourOf(int peer) {
  Begin(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
  ndmsg header{};
  header.ndm_family = AF_INET;
  header.ndm_ifindex = index_;
  header.ndm_state = NUD_PERMANENT;
  Put(header);
  Attribute(NDA_DST, Net(Base(peer)));
  Attribute(NDA_LLADDR, MacOf(peer).bytes);
  End();
}

void BareLoop::NexthopOf(int peer) {
  const Ip gateway = GatewayOf(tunnel_, peer);
  Begin(RTM_NEWNEXTHOP, NLM_F_CREATE | NLM_F_EXCL);
  Put(nhmsg{AF_INET, 0, kRouteProtocol, 0, gateway.is_zero() ? 0u : RTNH_F_ONLINK});
  Attribute(NHA_ID, Id(peer));
  Attribute(NHA_OIF, index_);
  if (!gateway.is_zero()) Attribute(NHA_GATEWAY, Net(gateway));
  End();
}

void BareLoop::RouteOf(int peer) {
  Begin(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  Put(rtmsg{AF_INET, 25, 0, 0, RT_TABLE_MAIN, kRouteProtocol, RT_SCOPE_UNIVERSE, RTN_UNICAST, 0});
  Attribute(RTA_DST, Net(Base(peer)));
  Attribute(RTA_NH_ID, Id(peer));
  End();
}

// The kernel's number for WireGuard; 0, and not ok, when there is none.
std::uint16_t BareLoop::WireguardFamily() {
  Begin(GENL_ID_CTRL, 0);
  Put(genlmsghdr{CTRL_CMD_GETFAMILY, 1, 0});
  Attribute(CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
  End();
  char answer[4096];
  ok_ = ok_ && send(fd_, buffer_, size_, 0) == static_cast<ssize_t>(size_);
  const ssize_t size = recv(fd_, answer, sizeof(answer), 0);
  size_ = messages_ = 0;
  for (ssize_t at = NLMSG_HDRLEN + GENL_HDRLEN; at + NLA_HDRLEN < size;) {
    nlattr attribute;
    std::memcpy(&attribute, answer + at, sizeof(attribute));
    if (attribute.nla_len < NLA_HDRLEN) break;
    if (attribute.nla_type == CTRL_ATTR_FAMILY_ID) {
      std::uint16_t family;
      std::memcpy(&family, answer + at + NLA_HDRLEN, sizeof(family));
      return family;
    }
    at += NLA_ALIGN(attribute.nla_len);
  }
  ok_ = false;
  return 0;
}

// One message for all from `first` to before `end`, sent by itself.
void BareLoop::WireguardPeers(std::uint16_t family, int first, int end) {
  Flush();
  Begin(family, 0);
  Put(genlmsghdr{WG_CMD_SET_DEVICE, WG_GENL_VERSION, 0});
  Attribute(WGDEVICE_A_IFINDEX, index_);
  const std::size_t peers = BeginNest(WGDEVICE_A_PEERS);
  for (int peer = first; peer < end; ++peer) WireguardPeerOf(peer);
  EndNest(peers);
  End();
}

void BareLoop::WireguardPeerOf(int peer) {
  const std::size_t element = BeginNest(0);
  Attribute(WGPEER_A_PUBLIC_KEY, KeyOf(peer).bytes);
  sockaddr_in endpoint{};
  endpoint.sin_family = AF_INET;
  endpoint.sin_port = htons(kListenPort);
  endpoint.sin_addr.s_addr = Net(Remote(peer));
  Attribute(WGPEER_A_ENDPOINT, endpoint);
  const std::size_t allowed = BeginNest(WGPEER_A_ALLOWEDIPS);
  const std::size_t prefix = BeginNest(0);
  Attribute(WGALLOWEDIP_A_FAMILY, std::uint16_t{AF_INET});
  Attribute(WGALLOWEDIP_A_IPADDR, Net(Base(peer)));
  Attribute(WGALLOWEDIP_A_CIDR_MASK, std::uint8_t{25});
  EndNest(prefix);
  EndNest(allowed);
  EndNest(element);
}

}  // namespace heddle::node
