#include "node/dataplane/forwarder_codec.h"

#include <algorithm>

#include "base/status_macros.h"
#include "node/dataplane/forwarder/control_values.h"

namespace heddle::node {
namespace {

using forwarder::DecodePort;
using forwarder::DecodePrefix;
using forwarder::EncodePrefix;

absl::StatusOr<UdpListener> DecodeListener(const control::Listener& from) {
  UdpListener listener;
  HEDDLE_ASSIGN_OR_RETURN(listener.local, Ip::FromBytes(from.local()));
  HEDDLE_ASSIGN_OR_RETURN(listener.port, DecodePort(from.port()));
  for (const control::Prefix& subnet : from.subnets()) {
    HEDDLE_ASSIGN_OR_RETURN(const Prefix prefix, DecodePrefix(subnet));
    listener.subnets.push_back(prefix);
  }
  std::sort(listener.subnets.begin(), listener.subnets.end());
  return listener;
}

}  // namespace

void Encode(const UdpListener& listener, int sockets, control::Listener* out) {
  out->set_local(listener.local.ToBytes());
  out->set_port(listener.port);
  for (const Prefix& subnet : listener.subnets) EncodePrefix(subnet, out->add_subnets());
  out->set_sockets(static_cast<std::uint32_t>(sockets));
}

void Encode(const UdpTunnelKey& key, const UdpTunnel& tunnel, control::Tunnel* out) {
  EncodePrefix(key.subnet, out->mutable_subnet());
  out->set_endpoint(tunnel.endpoint.ToBytes());
  out->set_port(tunnel.port);
}

absl::Status Decode(const control::State& from, const std::string& link, NetworkState* state) {
  decltype(state->udp_listeners) listeners;
  decltype(state->udp_tunnels) tunnels;
  for (const control::Listener& listener : from.listeners()) {
    HEDDLE_ASSIGN_OR_RETURN(UdpListener decoded, DecodeListener(listener));
    const Family family = decoded.local.family();
    listeners[{link, family}] = std::move(decoded);
  }
  for (const control::Tunnel& tunnel : from.tunnels()) {
    HEDDLE_ASSIGN_OR_RETURN(const Prefix subnet, DecodePrefix(tunnel.subnet()));
    UdpTunnel& decoded = tunnels[{link, subnet}];
    HEDDLE_ASSIGN_OR_RETURN(decoded.endpoint, Ip::FromBytes(tunnel.endpoint()));
    HEDDLE_ASSIGN_OR_RETURN(decoded.port, DecodePort(tunnel.port()));
  }
  state->udp_listeners.merge(listeners);
  state->udp_tunnels.merge(tunnels);
  return absl::OkStatus();
}

}  // namespace heddle::node
