#include "node/host/inventory.h"

#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include <map>
#include <utility>

#include "base/status_macros.h"
#include "node/dataplane/codec/codec.h"
#include "node/dataplane/netlink_socket.h"
#include "node/host/inventory_decode.h"

namespace heddle::node {
namespace {

absl::Status ReadLinks(NetlinkSocket* socket, HostInventory* inventory) {
  MessageBuilder request;
  EncodeLinkDump(&request);
  return socket->Dump(
      &request, [&] { inventory->links.clear(); },
      [&](const Message& message) {
        if (auto link = DecodeHostLink(message)) inventory->links.push_back(*std::move(link));
      });
}

absl::Status ReadAddresses(NetlinkSocket* socket, HostInventory* inventory) {
  std::map<int, std::vector<HostInventory::Address>> by_link;
  MessageBuilder request;
  EncodeAddressDump(&request);
  HEDDLE_RETURN_IF_ERROR(socket->Dump(
      &request, [&] { by_link.clear(); },
      [&](const Message& message) {
        const auto address = DecodeHostAddress(message);
        if (address) by_link[address->first].push_back(address->second);
      }));
  for (HostInventory::Link& link : inventory->links)
    link.addresses = std::move(by_link[link.index]);
  return absl::OkStatus();
}

absl::Status ReadRoutes(NetlinkSocket* socket, Family family, HostInventory* inventory) {
  rtmsg header{};
  header.rtm_family = ToAddressFamily(family);
  header.rtm_table = RT_TABLE_MAIN;  // the kernel filters by it, but has no filter for "not ours"
  MessageBuilder request;
  request.Begin(RTM_GETROUTE, 0, header);
  const std::size_t before = inventory->routes.size();
  const absl::Status dumped = socket->Dump(
      &request, [&] { inventory->routes.resize(before); },
      [&](const Message& message) {
        for (HostInventory::Route& route : DecodeHostRoutes(message)) {
          inventory->routes.push_back(std::move(route));
        }
      });
  // A host that never had a route of the family has no table either.
  return absl::IsNotFound(dumped) ? absl::OkStatus() : dumped;
}

// Asks for one nexthop, whether it exists or not: a dump could be of thousands.
absl::StatusOr<bool> HasNexthopObjects(NetlinkSocket* socket) {
  MessageBuilder request;
  request.Begin(RTM_GETNEXTHOP, 0, nhmsg{});
  request.AttributeNumber(NHA_ID, std::uint32_t{1});
  const absl::Status answer = socket->Get(&request, [](const Message&) {});
  if (answer.ok() || absl::IsNotFound(answer)) return true;
  if (absl::IsUnimplemented(answer)) return false;
  return answer;
}

}  // namespace

absl::StatusOr<HostInventory> ReadInventory() {
  HEDDLE_ASSIGN_OR_RETURN(NetlinkSocket socket, NetlinkSocket::Open(NETLINK_ROUTE));
  HostInventory inventory;
  HEDDLE_RETURN_IF_ERROR(ReadLinks(&socket, &inventory));
  HEDDLE_RETURN_IF_ERROR(ReadAddresses(&socket, &inventory));
  for (Family family : kFamilies) {
    HEDDLE_RETURN_IF_ERROR(ReadRoutes(&socket, family, &inventory));
  }
  HEDDLE_ASSIGN_OR_RETURN(inventory.has_nexthop_objects, HasNexthopObjects(&socket));
  return inventory;
}

}  // namespace heddle::node
