// Forwarder::Describe: what it has, as control.proto has it.
#include "base/version.h"
#include "node/dataplane/forwarder/control_values.h"
#include "node/dataplane/forwarder/forwarder.h"

namespace heddle::node::forwarder {
namespace {

void Encode(const Device& device, control::Device* to) {
  to->set_name(device.terms.name);
  to->set_index(device.terms.index);
  to->set_queues(static_cast<std::uint32_t>(device.queues.size()));
  to->set_vnet_header(device.terms.vnet_header);
}

void Encode(const Listener& listener, control::Listener* to) {
  to->set_local(listener.terms.local.ToBytes());
  to->set_port(listener.terms.port);
  for (const Prefix& subnet : listener.terms.subnets) EncodePrefix(subnet, to->add_subnets());
  to->set_sockets(static_cast<std::uint32_t>(listener.sockets.size()));
}

void EncodeFeatures(const Device& device, Features used, bool uses_gso, control::State* to) {
  used.gso = used.gso && uses_gso;
  (device.multi_queue ? to->add_using_() : to->add_lacking())->assign("multi_queue");
  (device.terms.vnet_header ? to->add_using_() : to->add_lacking())->assign("vnet_header");
  for (const std::string& name : NamesOf(used, true)) to->add_using_(name);
  for (const std::string& name : NamesOf(used, false)) to->add_lacking(name);
}

}  // namespace

control::State Forwarder::Describe() const {
  control::State state;
  state.set_version(kVersion);
  if (device_ && !HasWorkerThat(&Worker::is_gone)) {
    Encode(*device_, state.mutable_device());
    EncodeFeatures(*device_, used_, !HasWorkerThat(&Worker::lacks_gso), &state);
  }
  listeners_.ForEach(
      [&](Family, const Listener& listener) { Encode(listener, state.add_listeners()); });
  for (const auto& [subnet, endpoint] : tunnels_) {
    control::Tunnel* const tunnel = state.add_tunnels();
    EncodePrefix(subnet, tunnel->mutable_subnet());
    tunnel->set_endpoint(endpoint.address.ToBytes());
    tunnel->set_port(endpoint.port);
  }
  for (int i = 0; i < kCountSize; ++i) {
    std::uint64_t value = ended_[i];
    for (const auto& worker : workers_) value += worker->counters().Get(static_cast<Count>(i));
    control::State::Count* const count = state.add_counts();
    count->set_name(std::string(CountName(static_cast<Count>(i))));
    count->set_value(value);
  }
  return state;
}

}  // namespace heddle::node::forwarder
