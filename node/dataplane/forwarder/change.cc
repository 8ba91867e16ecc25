#include "node/dataplane/forwarder/change.h"

#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/dataplane/forwarder/control_channel.h"
#include "node/dataplane/forwarder/control_values.h"

namespace heddle::node::forwarder {
namespace {

absl::Status Wrong(absl::string_view what, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(what, ": ", why));
}

absl::StatusOr<int> CheckCount(absl::string_view what, std::uint32_t count) {
  if (count == 0 || count > static_cast<std::uint32_t>(kMaxWorkers)) {
    return Wrong(what, absl::StrCat(count, " of them: it must be 1 to ", kMaxWorkers));
  }
  return static_cast<int>(count);
}

absl::StatusOr<DeviceTerms> CheckDevice(const control::Device& device) {
  DeviceTerms terms;
  const bool is_name = !device.name().empty() && device.name().size() < IFNAMSIZ &&
                       std::all_of(device.name().begin(), device.name().end(),
                                   [](char c) { return c > ' ' && c < 0x7f && c != '/'; });
  if (!is_name || device.index() == 0) return Wrong("device", "no name, or no index");
  terms.name = device.name();
  terms.index = device.index();
  terms.vnet_header = device.vnet_header();
  HEDDLE_ASSIGN_OR_RETURN(terms.queues, CheckCount("queues", device.queues()));
  return terms;
}

// All but the sockets.
absl::StatusOr<ListenerTerms> CheckListener(const control::Listener& listener) {
  ListenerTerms terms;
  HEDDLE_ASSIGN_OR_RETURN(terms.local, Ip::FromBytes(listener.local()));
  HEDDLE_ASSIGN_OR_RETURN(terms.port, DecodePort(listener.port()));
  for (const control::Prefix& subnet : listener.subnets()) {
    HEDDLE_ASSIGN_OR_RETURN(const Prefix checked, DecodePrefix(subnet));
    terms.subnets.push_back(checked);
  }
  return terms;
}

absl::StatusOr<Tunnel> CheckTunnel(const control::Tunnel& tunnel) {
  Tunnel checked;
  HEDDLE_ASSIGN_OR_RETURN(checked.subnet, DecodePrefix(tunnel.subnet()));
  HEDDLE_ASSIGN_OR_RETURN(checked.endpoint.address, Ip::FromBytes(tunnel.endpoint()));
  HEDDLE_ASSIGN_OR_RETURN(checked.endpoint.port, DecodePort(tunnel.port()));
  const Ip& address = checked.endpoint.address;
  if (address.is_zero() || address.is_multicast()) {
    return Wrong("tunnel", absl::StrCat("no host has the address ", address.ToString()));
  }
  return checked;
}

absl::StatusOr<Family> CheckFamily(std::uint32_t family) {
  if (family == AF_INET) return Family::kV4;
  if (family == AF_INET6) return Family::kV6;
  return Wrong("family", absl::StrCat(family, " is none"));
}

absl::Status CheckListeners(const control::Request::Change& change, ChangeTerms* terms) {
  PerFamily<bool> named;
  for (const control::Listener& listener : change.listen()) {
    HEDDLE_ASSIGN_OR_RETURN(ListenerTerms checked, CheckListener(listener));
    HEDDLE_ASSIGN_OR_RETURN(checked.sockets, CheckCount("sockets", listener.sockets()));
    if (named[checked.local.family()]) return Wrong("listener", "a second one of its family");
    named[checked.local.family()] = true;
    terms->listen.push_back(std::move(checked));
  }
  for (const control::Listener& listener : change.readdress()) {
    HEDDLE_ASSIGN_OR_RETURN(ListenerTerms checked, CheckListener(listener));
    terms->readdress.push_back(std::move(checked));
  }
  for (std::uint32_t number : change.stop_listening()) {
    HEDDLE_ASSIGN_OR_RETURN(const Family family, CheckFamily(number));
    terms->stop_listening.push_back(family);
  }
  return absl::OkStatus();
}

std::size_t CountDescriptors(const ChangeTerms& terms) {
  int count = terms.device ? terms.device->queues : 0;
  for (const ListenerTerms& listener : terms.listen) count += listener.sockets;
  return static_cast<std::size_t>(count);
}

}  // namespace

absl::StatusOr<ChangeTerms> CheckChange(const control::Request::Change& change,
                                        std::size_t descriptors) {
  ChangeTerms terms;
  terms.forget_device = change.forget_device();
  if (change.has_device()) {
    HEDDLE_ASSIGN_OR_RETURN(terms.device, CheckDevice(change.device()));
  }
  HEDDLE_RETURN_IF_ERROR(CheckListeners(change, &terms));
  for (const control::Tunnel& tunnel : change.set()) {
    HEDDLE_ASSIGN_OR_RETURN(const Tunnel checked, CheckTunnel(tunnel));
    terms.set.push_back(checked);
  }
  for (const control::Prefix& subnet : change.remove()) {
    HEDDLE_ASSIGN_OR_RETURN(const Prefix checked, DecodePrefix(subnet));
    terms.remove.push_back(checked);
  }
  if (CountDescriptors(terms) != descriptors) {
    return Wrong("descriptors",
                 absl::StrCat(descriptors, " came, and ", CountDescriptors(terms), " are named"));
  }
  return terms;
}

}  // namespace heddle::node::forwarder
