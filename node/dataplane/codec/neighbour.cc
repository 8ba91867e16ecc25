#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "node/dataplane/codec/codec.h"

namespace heddle::node {
namespace {

using Kind = Operation::Kind;

ndmsg Header(int address_family, int link_index, Kind kind) {
  ndmsg header{};
  header.ndm_family = address_family;
  header.ndm_ifindex = link_index;
  if (kind != Kind::kRemove) header.ndm_state = NUD_PERMANENT;
  return header;
}

void Begin(const ndmsg& header, Kind kind, MessageBuilder* out) {
  const bool remove = kind == Kind::kRemove;
  out->Begin(remove ? RTM_DELNEIGH : RTM_NEWNEIGH, remove ? 0 : ReplacingFlags(), header);
}

// The fixed part, if the message is about a permanent entry.
std::optional<ndmsg> PermanentEntry(const Message& message) {
  const auto header = message.HeaderAs<ndmsg>();
  if (!header || (message.type != RTM_NEWNEIGH && message.type != RTM_DELNEIGH))
    return std::nullopt;
  if (!(header->ndm_state & NUD_PERMANENT)) return std::nullopt;
  return header;
}

}  // namespace

std::string Footing(const NeighbourKey& key, const Neighbour&) { return key.link; }
std::string Footing(const FdbKey& key, const FdbEntry&) { return key.link; }

void Encode(Kind kind, const NeighbourKey& key, const Neighbour& neighbour, int link_index,
            MessageBuilder* out) {
  Begin(Header(ToAddressFamily(key.address.family()), link_index, kind), kind, out);
  out->AttributeIp(NDA_DST, key.address);
  if (kind != Kind::kRemove) out->AttributeMac(NDA_LLADDR, neighbour.mac);
}

// Removal names no destination, so that an entry goes whatever its destination has become.
void Encode(Kind kind, const FdbKey& key, const FdbEntry& entry, int link_index,
            MessageBuilder* out) {
  ndmsg header = Header(AF_BRIDGE, link_index, kind);
  header.ndm_flags = NTF_SELF;
  Begin(header, kind, out);
  out->AttributeMac(NDA_LLADDR, key.mac);
  if (kind != Kind::kRemove) out->AttributeIp(NDA_DST, entry.remote);
}

std::optional<NeighbourKey> DecodeNeighbourKey(const Message& message, const LinkNames& names) {
  const auto header = message.HeaderAs<ndmsg>();
  if (!header || (message.type != RTM_NEWNEIGH && message.type != RTM_DELNEIGH))
    return std::nullopt;
  const std::string link = NameOf(names, header->ndm_ifindex);
  const auto address = Attributes(message.After(sizeof(*header))).Address(NDA_DST);
  if (link.empty() || !address || ToAddressFamily(address->family()) != header->ndm_family) {
    return std::nullopt;
  }
  return NeighbourKey{link, *address};
}

std::optional<std::pair<NeighbourKey, Neighbour>> DecodeNeighbour(const Message& message,
                                                                  const LinkNames& names) {
  const auto header = PermanentEntry(message);
  if (!header || (header->ndm_flags & NTF_PROXY)) return std::nullopt;
  auto key = DecodeNeighbourKey(message, names);
  if (!key) return std::nullopt;
  const Attributes attributes(message.After(sizeof(*header)));
  const Mac mac = attributes.MacAddress(NDA_LLADDR).value_or(Mac{});
  return std::make_pair(*std::move(key), Neighbour{mac});
}

std::optional<std::pair<FdbKey, FdbEntry>> DecodeFdb(const Message& message,
                                                     const LinkNames& names) {
  const auto header = PermanentEntry(message);
  if (!header || header->ndm_family != AF_BRIDGE || !(header->ndm_flags & NTF_SELF)) {
    return std::nullopt;
  }
  const std::string link = NameOf(names, header->ndm_ifindex);
  const Attributes attributes(message.After(sizeof(*header)));
  const auto mac = attributes.MacAddress(NDA_LLADDR);
  if (link.empty() || !mac) return std::nullopt;
  const auto remote = attributes.Address(NDA_DST);
  // The device's own default entry, which leads nowhere.
  if (mac->is_zero() && !remote) return std::nullopt;
  // The kernel tells port, VNI and device only where they are not the link's own.
  const bool deviates =
      attributes.Has(NDA_PORT) || attributes.Has(NDA_VNI) || attributes.Has(NDA_IFINDEX);
  return std::make_pair(FdbKey{link, *mac}, FdbEntry{remote && !deviates ? *remote : Ip()});
}

void EncodeNeighbourDump(Family family, int link_index, MessageBuilder* out) {
  out->Begin(RTM_GETNEIGH, 0, Header(ToAddressFamily(family), 0, Kind::kRemove));
  out->AttributeNumber(NDA_IFINDEX, static_cast<std::uint32_t>(link_index));
}

void EncodeFdbDump(int link_index, MessageBuilder* out) {
  out->Begin(RTM_GETNEIGH, 0, Header(AF_BRIDGE, link_index, Kind::kRemove));
}

}  // namespace heddle::node
