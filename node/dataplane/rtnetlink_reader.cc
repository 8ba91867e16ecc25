#include "node/dataplane/rtnetlink_reader.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/status_macros.h"
#include "node/dataplane/codec/codec.h"

namespace heddle::node {
namespace {

struct Links {
  LinkNames all;   // to name lower devices, and the links of host-gw's routes
  LinkNames ours;  // whose addresses, neighbours and FDB entries are ours
};

bool ShouldReplace(const Address& have, const Address& another) {
  return another.prefix_length < have.prefix_length;
}
template <typename Value>
bool ShouldReplace(const Value&, const Value&) {
  return false;
}

template <typename Map, typename Decode>
absl::Status ReadTable(NetlinkSocket* socket, MessageBuilder request, const LinkNames& names,
                       Decode decode, Map* map) {
  std::vector<std::pair<typename Map::key_type, typename Map::mapped_type>> found;
  const auto restart = [&] { found.clear(); };
  HEDDLE_RETURN_IF_ERROR(socket->Dump(&request, restart, [&](const Message& message) {
    if (auto object = decode(message, names)) found.push_back(*std::move(object));
  }));
  // The kernel's order is mostly the keys' own reversed or hashed; sorted, each goes in at the end.
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& object : found) {
    const auto [it, inserted] = map->insert(std::move(object));
    if (!inserted && ShouldReplace(it->second, object.second)) it->second = object.second;
  }
  return absl::OkStatus();
}

template <typename Encode, typename... Arguments>
MessageBuilder Request(Encode encode, Arguments... arguments) {
  MessageBuilder request;
  encode(arguments..., &request);
  return request;
}

// Twice over the same dump: the lower device may come after the vxlan that names it.
absl::Status ReadLinks(NetlinkSocket* socket, Links* links, NetworkState* state) {
  MessageBuilder request = Request(EncodeLinkDump);
  std::vector<std::pair<Message, std::string>> candidates;
  const auto restart = [&] { links->all.clear(), candidates.clear(); };
  HEDDLE_RETURN_IF_ERROR(socket->Dump(&request, restart, [&](const Message& message) {
    if (const auto name = DecodeLinkName(message)) links->all.insert(*name);
    if (!DecodeLink(message, {})) return;
    candidates.emplace_back(message, std::string(message.payload));
  }));
  for (auto& [message, payload] : candidates) {
    message.payload = payload;
    auto link = DecodeLink(message, links->all);
    if (!link) continue;
    links->ours.insert(*DecodeLinkName(message));
    state->links.insert(*std::move(link));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadRtnetlink(NetlinkSocket* socket, NetworkState* state) {
  Links links;
  HEDDLE_RETURN_IF_ERROR(ReadLinks(socket, &links, state));
  HEDDLE_RETURN_IF_ERROR(
      ReadTable(socket, Request(EncodeAddressDump), links.ours, DecodeAddress, &state->addresses));
  for (const auto& [index, name] : links.ours) {
    HEDDLE_RETURN_IF_ERROR(
        ReadTable(socket, Request(EncodeFdbDump, index), links.ours, DecodeFdb, &state->fdb));
    for (Family family : kFamilies) {
      HEDDLE_RETURN_IF_ERROR(ReadTable(socket, Request(EncodeNeighbourDump, family, index),
                                       links.ours, DecodeNeighbour, &state->neighbours));
    }
  }
  const absl::Status nexthops =
      ReadTable(socket, Request(EncodeNexthopDump), links.all, DecodeNexthop, &state->nexthops);
  // A kernel before 5.3 has none.
  if (!nexthops.ok() && !absl::IsUnimplemented(nexthops)) return nexthops;
  for (Family family : kFamilies) {
    HEDDLE_RETURN_IF_ERROR(ReadTable(socket, Request(EncodeRouteDump, family), links.all,
                                     DecodeRoute, &state->routes));
  }
  return absl::OkStatus();
}

}  // namespace heddle::node
