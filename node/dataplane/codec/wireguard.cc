#include "node/dataplane/codec/wireguard.h"

#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <iterator>

#include "node/dataplane/codec/codec.h"

namespace heddle::node {
namespace {

using Kind = Operation::Kind;

// WireGuard's REJECT_AFTER_TIME: a session that nobody renewed for so long is dead.
constexpr absl::Duration kSessionLife = absl::Seconds(180);

struct Timespec {  // __kernel_timespec
  std::int64_t seconds, nanoseconds;
};

void BeginCommand(std::uint16_t family, std::uint8_t command, const std::string& link,
                  MessageBuilder* out) {
  genlmsghdr header{};
  header.cmd = command;
  header.version = WG_GENL_VERSION;
  out->Begin(family, 0, header);
  out->AttributeText(WGDEVICE_A_IFNAME, link);
}

template <typename Bytes>
absl::string_view ViewOf(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(&bytes), sizeof(bytes)};
}

void EncodeEndpoint(const Ip& address, std::uint16_t port, MessageBuilder* out) {
  const std::string bytes = address.ToBytes();
  if (address.family() == Family::kV4) {
    sockaddr_in endpoint{};
    endpoint.sin_family = AF_INET;
    endpoint.sin_port = htons(port);
    std::memcpy(&endpoint.sin_addr, bytes.data(), bytes.size());
    out->AttributeNumber(WGPEER_A_ENDPOINT, endpoint);
  } else {
    sockaddr_in6 endpoint{};
    endpoint.sin6_family = AF_INET6;
    endpoint.sin6_port = htons(port);
    std::memcpy(&endpoint.sin6_addr, bytes.data(), bytes.size());
    out->AttributeNumber(WGPEER_A_ENDPOINT, endpoint);
  }
}

void EncodeAllowed(const Prefix& prefix, MessageBuilder* out) {
  MessageBuilder::Nest element(out, 0);
  out->AttributeNumber(WGALLOWEDIP_A_FAMILY,
                       static_cast<std::uint16_t>(ToAddressFamily(prefix.family())));
  out->AttributeIp(WGALLOWEDIP_A_IPADDR, prefix.base());
  out->AttributeNumber(WGALLOWEDIP_A_CIDR_MASK, static_cast<std::uint8_t>(prefix.length()));
}

void EncodePeer(const WireguardPeer& peer, MessageBuilder* out) {
  out->AttributeNumber(WGPEER_A_FLAGS, std::uint32_t{WGPEER_F_REPLACE_ALLOWEDIPS});
  out->AttributeNumber(WGPEER_A_PRESHARED_KEY, peer.preshared_key.bytes);
  if (peer.endpoint) EncodeEndpoint(*peer.endpoint, peer.endpoint_port, out);
  out->AttributeNumber(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, peer.keepalive_seconds);
  MessageBuilder::Nest allowed(out, WGPEER_A_ALLOWEDIPS);
  for (const Prefix& prefix : peer.allowed) EncodeAllowed(prefix, out);
}

WireguardKey KeyOf(const Attributes& attributes, std::uint16_t type) {
  const auto bytes = attributes.Number<decltype(WireguardKey::bytes)>(type);
  return bytes ? WireguardKey{*bytes} : WireguardKey{};
}

void DecodeEndpoint(const Attributes& attributes, WireguardPeer* peer) {
  const auto v4 = attributes.Number<sockaddr_in>(WGPEER_A_ENDPOINT);
  const auto v6 = attributes.Number<sockaddr_in6>(WGPEER_A_ENDPOINT);
  absl::StatusOr<Ip> address;
  if (v4 && v4->sin_family == AF_INET) {
    address = Ip::FromBytes(ViewOf(v4->sin_addr));
    peer->endpoint_port = ntohs(v4->sin_port);
  } else if (v6 && v6->sin6_family == AF_INET6) {
    address = Ip::FromBytes(ViewOf(v6->sin6_addr));
    peer->endpoint_port = ntohs(v6->sin6_port);
  }
  if (address.ok()) peer->endpoint = *address;
}

std::optional<Prefix> DecodeAllowed(const Attributes& attributes) {
  const auto address = attributes.Address(WGALLOWEDIP_A_IPADDR);
  const auto length = attributes.Number<std::uint8_t>(WGALLOWEDIP_A_CIDR_MASK);
  const auto family = attributes.Number<std::uint16_t>(WGALLOWEDIP_A_FAMILY);
  if (!address || !length || family != ToAddressFamily(address->family()) ||
      *length > BitsOf(address->family())) {
    return std::nullopt;
  }
  return Prefix(*address, *length);
}

bool IsAlive(const Attributes& attributes, absl::Time now) {
  const auto last = attributes.Number<Timespec>(WGPEER_A_LAST_HANDSHAKE_TIME);
  if (!last || last->seconds <= 0) return false;
  const absl::Duration age = now - absl::FromUnixSeconds(last->seconds);
  return age < kSessionLife && age > -kSessionLife;  // no sense in what lies far ahead
}

void DecodePeer(const Attributes& attributes, absl::Time now, WireguardDump* dump) {
  if (!attributes.Has(WGPEER_A_PUBLIC_KEY)) return;
  const WireguardKey key = KeyOf(attributes, WGPEER_A_PUBLIC_KEY);
  const bool goes_on = !dump->peers.empty() && dump->peers.back().first == key;
  if (!goes_on) {
    WireguardPeer peer;
    DecodeEndpoint(attributes, &peer);
    peer.keepalive_seconds =
        attributes.Number<std::uint16_t>(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL).value_or(0);
    peer.preshared_key = KeyOf(attributes, WGPEER_A_PRESHARED_KEY);
    peer.is_alive = IsAlive(attributes, now);
    dump->peers.emplace_back(key, std::move(peer));
  }
  attributes.Nested(WGPEER_A_ALLOWEDIPS).ForEach([&](const Attributes& element) {
    if (const auto prefix = DecodeAllowed(element)) {
      dump->peers.back().second.allowed.push_back(*prefix);
    }
  });
}

}  // namespace

void EncodeFamilyGet(const std::string& name, MessageBuilder* out) {
  genlmsghdr header{};
  header.cmd = CTRL_CMD_GETFAMILY;
  header.version = 1;
  out->Begin(GENL_ID_CTRL, 0, header);
  out->AttributeText(CTRL_ATTR_FAMILY_NAME, name);
}

std::optional<std::uint16_t> DecodeFamily(const Message& message) {
  const auto header = message.HeaderAs<genlmsghdr>();
  if (!header || message.type != GENL_ID_CTRL) return std::nullopt;
  return Attributes(message.After(sizeof(*header))).Number<std::uint16_t>(CTRL_ATTR_FAMILY_ID);
}

void Encode(std::uint16_t family, Kind kind, const std::string& link, const WireguardDevice& device,
            const WireguardPrivateKey& private_key, MessageBuilder* out) {
  const bool remove = kind == Kind::kRemove;
  BeginCommand(family, WG_CMD_SET_DEVICE, link, out);
  out->AttributeNumber(WGDEVICE_A_PRIVATE_KEY, remove ? WireguardPrivateKey{} : private_key);
  out->AttributeNumber(WGDEVICE_A_LISTEN_PORT, remove ? std::uint16_t{0} : device.listen_port);
  out->AttributeNumber(WGDEVICE_A_FWMARK, std::uint32_t{0});
}

void Encode(std::uint16_t family, Kind kind, const WireguardPeerKey& key, const WireguardPeer& peer,
            MessageBuilder* out) {
  BeginCommand(family, WG_CMD_SET_DEVICE, key.link, out);
  MessageBuilder::Nest peers(out, WGDEVICE_A_PEERS);
  MessageBuilder::Nest element(out, 0);
  out->AttributeNumber(WGPEER_A_PUBLIC_KEY, key.public_key.bytes);
  if (kind == Kind::kRemove) {
    out->AttributeNumber(WGPEER_A_FLAGS, std::uint32_t{WGPEER_F_REMOVE_ME});
  } else {
    EncodePeer(peer, out);
  }
}

void EncodeWireguardDump(std::uint16_t family, const std::string& link, MessageBuilder* out) {
  BeginCommand(family, WG_CMD_GET_DEVICE, link, out);
}

void DecodeWireguard(const Message& message, std::uint16_t family, absl::Time now,
                     WireguardDump* dump) {
  const auto header = message.HeaderAs<genlmsghdr>();
  if (!header || message.type != family) return;
  const Attributes attributes(message.After(sizeof(*header)));
  // The first message of a dump has what is the device's own.
  if (const auto port = attributes.Number<std::uint16_t>(WGDEVICE_A_LISTEN_PORT)) {
    const bool marked = attributes.Number<std::uint32_t>(WGDEVICE_A_FWMARK).value_or(0) != 0;
    dump->device = {KeyOf(attributes, WGDEVICE_A_PUBLIC_KEY), marked ? std::uint16_t{0} : *port};
  }
  attributes.Nested(WGDEVICE_A_PEERS).ForEach([&](const Attributes& peer) {
    DecodePeer(peer, now, dump);
  });
}

void WireguardDump::MoveTo(const std::string& link, NetworkState* state) {
  if (!device.public_key.is_zero()) state->wireguard_devices[link] = device;
  // The kernel's order is that of making; sorted, each goes in at the end.
  std::sort(peers.begin(), peers.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  auto& table = state->wireguard_peers;
  for (auto& [key, peer] : peers) {
    std::sort(peer.allowed.begin(), peer.allowed.end());
    table.insert(table.end(), {WireguardPeerKey{link, key}, std::move(peer)});
  }
  peers.clear();
}

}  // namespace heddle::node
