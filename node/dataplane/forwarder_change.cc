#include "node/dataplane/forwarder_change.h"

#include <algorithm>
#include <iterator>
#include <thread>

#include "base/status_macros.h"
#include "node/dataplane/forwarder/control_channel.h"
#include "node/dataplane/forwarder/control_values.h"
#include "node/dataplane/forwarder/descriptors.h"
#include "node/dataplane/forwarder_codec.h"

namespace heddle::node {
namespace {

using Kind = Operation::Kind;

constexpr unsigned kMaxWorkers = 16;

int WorkerCount() {
  return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, kMaxWorkers));
}

void Move(std::vector<forwarder::Descriptor> from, std::vector<forwarder::Descriptor>* to) {
  std::move(from.begin(), from.end(), std::back_inserter(*to));
}

}  // namespace

ForwarderHolding HoldingOf(const control::State& state) {
  ForwarderHolding holding;
  holding.device_index = state.device().index();
  holding.workers =
      static_cast<int>(std::min<std::uint32_t>(state.device().queues(), forwarder::kMaxWorkers));
  for (const control::Listener& listener : state.listeners()) {
    const absl::StatusOr<Ip> local = Ip::FromBytes(listener.local());
    if (!local.ok()) continue;  // an address is no more of ours than that
    holding.listeners[local->family()] = {*local, static_cast<std::uint16_t>(listener.port())};
  }
  return holding;
}

absl::Status ForwarderChange::SetDevice(const std::string& link, unsigned index) {
  HEDDLE_ASSIGN_OR_RETURN(forwarder::TunQueues opened,
                          forwarder::OpenTunQueues(link, WorkerCount()));
  const int workers = static_cast<int>(opened.queues.size());
  holding_ = {index, workers, {}};
  change()->set_forget_device(true);
  control::Device* device = change()->mutable_device();
  device->set_name(link);
  device->set_index(index);
  device->set_queues(static_cast<std::uint32_t>(workers));
  device->set_vnet_header(opened.vnet_header);
  Move(std::move(opened.queues), &descriptors_);
  return absl::OkStatus();
}

absl::Status ForwarderChange::Add(Kind kind, const UdpListenerKey& key,
                                  const UdpListener& listener) {
  if (kind == Kind::kRemove) {
    change()->add_stop_listening(static_cast<std::uint32_t>(ToAddressFamily(key.family)));
    holding_.listeners.erase(key.family);
    return absl::OkStatus();
  }
  const auto at = std::make_pair(listener.local, listener.port);
  const auto held = holding_.listeners.find(key.family);
  if (held != holding_.listeners.end() && held->second == at) {
    Encode(listener, holding_.workers, change()->add_readdress());
    return absl::OkStatus();
  }
  HEDDLE_ASSIGN_OR_RETURN(
      std::vector<forwarder::Descriptor> sockets,
      forwarder::OpenUdpSockets(listener.local, listener.port, holding_.workers));
  Encode(listener, holding_.workers, change()->add_listen());
  Move(std::move(sockets), &descriptors_);
  holding_.listeners[key.family] = at;
  return absl::OkStatus();
}

absl::Status ForwarderChange::Add(Kind kind, const UdpTunnelKey& key, const UdpTunnel& tunnel) {
  if (kind == Kind::kRemove) {
    forwarder::EncodePrefix(key.subnet, change()->add_remove());
  } else {
    Encode(key, tunnel, change()->add_set());
  }
  return absl::OkStatus();
}

std::vector<int> ForwarderChange::descriptors() const {
  std::vector<int> numbers;
  for (const forwarder::Descriptor& descriptor : descriptors_) numbers.push_back(descriptor.get());
  return numbers;
}

}  // namespace heddle::node
