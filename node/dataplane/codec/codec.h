// Objects of ours to rtnetlink messages and back. Pure functions on bytes: what the kernel says is
// hostile until it was checked, and decodes to nothing when it is not ours or makes no sense.
//
// Encoders append the messages of one operation; `link_index` is that of Footing(key, value), and
// not looked at when that is empty or for removals of links, nexthops and routes. On our own links
// there are no foreigners, so there kAdd replaces what the kernel itself made (a neighbour it
// resolved, an FDB entry it learned); elsewhere it refuses to (NLM_F_EXCL).
//
// Decoders take a message of a dump or a notification of the kind's RTM_NEW* (or RTM_DEL*, with the
// same content). An object that is ours but has what we never give it decodes to a value that no
// backend plans (an empty link, a zero address), so that it is seen as drift.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "node/dataplane/netlink_message.h"
#include "node/state/diff.h"
#include "node/state/network_state.h"

namespace heddle::node {

using LinkNames = absl::flat_hash_map<int, std::string>;  // by index

// The link whose index the encoder needs: a vxlan's lower device, else the one it stands on.
std::string Footing(const std::string& name, const Link& link);
std::string Footing(const AddressKey& key, const Address& address);
std::string Footing(const NeighbourKey& key, const Neighbour& neighbour);
std::string Footing(const FdbKey& key, const FdbEntry& entry);
std::string Footing(std::uint32_t id, const Nexthop& nexthop);
std::string Footing(const RouteKey& key, const Route& route);

// A TUN device is not made by these: see tun_device.h. Any other new link is born down;
// EncodeLinkStart follows once it is known to be ours. For a change, `link.mac` is set only when
// the kernel's differs (`set_mac`): setting it to what it is already flushes the neighbours.
void EncodeLink(Operation::Kind kind, const std::string& name, const Link& link, int lower_index,
                bool set_mac, MessageBuilder* out);
// Two messages: no IPv6 link-local address, which a kernel without IPv6 refuses with EAFNOSUPPORT;
// and up, if it is to be.
void EncodeLinkStart(const std::string& name, const Link& link, MessageBuilder* out);
void Encode(Operation::Kind kind, const AddressKey& key, const Address& address, int link_index,
            MessageBuilder* out);
void Encode(Operation::Kind kind, const NeighbourKey& key, const Neighbour& neighbour,
            int link_index, MessageBuilder* out);
void Encode(Operation::Kind kind, const FdbKey& key, const FdbEntry& entry, int link_index,
            MessageBuilder* out);
void Encode(Operation::Kind kind, std::uint32_t id, const Nexthop& nexthop, int link_index,
            MessageBuilder* out);
// A route through a gateway of the other family is not encoded as such: the caller refuses it.
void Encode(Operation::Kind kind, const RouteKey& key, const Route& route, int link_index,
            MessageBuilder* out);

// Any link's index and name; nothing when the message is not about a link.
std::optional<std::pair<int, std::string>> DecodeLinkName(const Message& message);
// Ours by name and kind. `names` gives the lower device's name.
std::optional<std::pair<std::string, Link>> DecodeLink(const Message& message,
                                                       const LinkNames& names);
// On links of `names` only; IPv6 link-local addresses are the kernel's.
std::optional<std::pair<AddressKey, Address>> DecodeAddress(const Message& message,
                                                            const LinkNames& names);
// Permanent ones on links of `names` only.
std::optional<std::pair<NeighbourKey, Neighbour>> DecodeNeighbour(const Message& message,
                                                                  const LinkNames& names);
// The key alone, of a neighbour in any state.
std::optional<NeighbourKey> DecodeNeighbourKey(const Message& message, const LinkNames& names);
std::optional<std::pair<FdbKey, FdbEntry>> DecodeFdb(const Message& message,
                                                     const LinkNames& names);
// Of kRouteProtocol only, in the main table.
std::optional<std::pair<std::uint32_t, Nexthop>> DecodeNexthop(const Message& message,
                                                               const LinkNames& names);
std::optional<std::pair<RouteKey, Route>> DecodeRoute(const Message& message,
                                                      const LinkNames& names);

// Requests for all objects of a kind, filtered in the kernel where it can. To be sent as a dump.
void EncodeLinkDump(MessageBuilder* out);
void EncodeAddressDump(MessageBuilder* out);
void EncodeNeighbourDump(Family family, int link_index, MessageBuilder* out);
void EncodeFdbDump(int link_index, MessageBuilder* out);
void EncodeNexthopDump(MessageBuilder* out);
void EncodeRouteDump(Family family, MessageBuilder* out);
// For one link, by its name.
void EncodeLinkGet(const std::string& name, MessageBuilder* out);

// The family of an AF_ number, if it is IPv4 or IPv6.
std::optional<Family> FamilyOf(int address_family);
// NLM_F_ flags of adding or changing an object that a foreigner may hold, and of one on our links.
std::uint16_t GuardedFlags(Operation::Kind kind);
std::uint16_t ReplacingFlags();
// The name for `index`, or empty.
std::string NameOf(const LinkNames& names, int index);

}  // namespace heddle::node
