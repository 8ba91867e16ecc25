// What a wireguard device holds, to generic netlink messages and back. Pure functions on bytes, in
// the way of codec.h. `family` is the number that the kernel gave WireGuard's messages: see
// DecodeFamily. Devices go by name.
//
// One message holds one peer, so that each refusal names its peer; that costs a few per cent beside
// the key agreement that the kernel works out for every new one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "node/dataplane/netlink_message.h"
#include "node/state/diff.h"
#include "node/state/network_state.h"

namespace heddle::node {

using WireguardPrivateKey = std::array<std::uint8_t, 32>;

// More prefixes do not fit one message with certainty; the caller refuses such a peer.
inline constexpr std::size_t kMaxAllowedPrefixes = 1024;

// Asks for the number of a generic netlink family by its name, and reads the answer. Nothing: the
// message is none.
void EncodeFamilyGet(const std::string& name, MessageBuilder* out);
std::optional<std::uint16_t> DecodeFamily(const Message& message);

// `private_key` is the one that belongs to `device.public_key`. Setting the key that is there
// already leaves all sessions as they are. A removal takes key and port away.
void Encode(std::uint16_t family, Operation::Kind kind, const std::string& link,
            const WireguardDevice& device, const WireguardPrivateKey& private_key,
            MessageBuilder* out);
// A change keeps the session. It replaces the allowed prefixes, between which and the new ones the
// kernel knows none for the length of the message. An absent endpoint stays as the kernel has it.
void Encode(std::uint16_t family, Operation::Kind kind, const WireguardPeerKey& key,
            const WireguardPeer& peer, MessageBuilder* out);

// Asks for a device and its peers. To be sent as a dump.
void EncodeWireguardDump(std::uint16_t family, const std::string& link, MessageBuilder* out);

// One device as its dump tells it, which takes several messages: peers follow each other, and the
// allowed prefixes of one may go on in the next message.
struct WireguardDump {
  WireguardDevice device;  // a zero key: it has none
  std::vector<std::pair<WireguardKey, WireguardPeer>> peers;

  // Moves all of it into `state`, as that of `link`. A device without a key is none.
  void MoveTo(const std::string& link, NetworkState* state);
};

// Adds what a message of the dump tells; what makes no sense in it is left out. `now` is the wall
// clock's, by which the kernel says when a session was last confirmed. A device with a mark on its
// packets, which we never set, gets the port 0, so that it is seen as drift.
void DecodeWireguard(const Message& message, std::uint16_t family, absl::Time now,
                     WireguardDump* dump);

}  // namespace heddle::node
