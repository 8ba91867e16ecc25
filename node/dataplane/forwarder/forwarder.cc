#include "node/dataplane/forwarder/forwarder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace heddle::node::forwarder {

Forwarder::Forwarder(const Features& wanted, std::function<void()> on_gone)
    : wanted_(wanted),
      on_gone_(std::move(on_gone)),
      table_(std::make_unique<const TunnelTable>()) {}

absl::Status Forwarder::Apply(const control::Request::Change& change,
                              std::vector<Descriptor> descriptors) {
  HEDDLE_ASSIGN_OR_RETURN(const ChangeTerms terms, CheckChange(change, descriptors.size()));
  HEDDLE_RETURN_IF_ERROR(CheckReaddress(terms));
  HEDDLE_ASSIGN_OR_RETURN(Parts parts, TakeParts(terms, &descriptors));
  const bool moves_parts =
      terms.forget_device || terms.device || !terms.listen.empty() || !terms.stop_listening.empty();
  if (moves_parts) {
    StopWorkers();
    ChangeParts(terms, std::move(parts));
  }
  ChangeTunnels(terms);
  PublishTable();
  if (moves_parts) StartWorkers();
  return absl::OkStatus();
}

absl::StatusOr<Forwarder::Parts> Forwarder::TakeParts(const ChangeTerms& terms,
                                                      std::vector<Descriptor>* descriptors) {
  Parts parts;
  std::size_t next = 0;
  if (terms.device) {
    HEDDLE_ASSIGN_OR_RETURN(parts.device, TakeDevice(*terms.device, descriptors, &next));
  }
  for (const ListenerTerms& listen : terms.listen) {
    HEDDLE_ASSIGN_OR_RETURN(Listener listener, TakeListener(listen, descriptors, &next));
    parts.listeners.push_back(std::move(listener));
  }
  return parts;
}

absl::Status Forwarder::CheckReaddress(const ChangeTerms& terms) const {
  for (const ListenerTerms& wanted : terms.readdress) {
    const auto& present = listeners_[wanted.local.family()];
    if (!present || terms.forget_device || present->terms.local != wanted.local ||
        present->terms.port != wanted.port) {
      return absl::InvalidArgumentError(absl::StrCat("there is no listener at ",
                                                     wanted.local.ToString(), ", port ",
                                                     wanted.port, ", to give subnets to"));
    }
  }
  return absl::OkStatus();
}

void Forwarder::ChangeParts(const ChangeTerms& terms, Parts parts) {
  if (terms.forget_device) ForgetDevice();
  if (parts.device) device_ = std::move(parts.device);
  for (Family family : terms.stop_listening) listeners_[family].reset();
  for (Listener& listener : parts.listeners) {
    listeners_[listener.terms.local.family()] = std::move(listener);
  }
}

void Forwarder::ChangeTunnels(const ChangeTerms& terms) {
  for (const ListenerTerms& wanted : terms.readdress) {
    auto& listener = listeners_[wanted.local.family()];
    if (listener) listener->terms.subnets = wanted.subnets;
  }
  for (const Tunnel& tunnel : terms.set) tunnels_[tunnel.subnet] = tunnel.endpoint;
  for (const Prefix& subnet : terms.remove) tunnels_.erase(subnet);
}

void Forwarder::ForgetDevice() {
  device_.reset();
  listeners_ = {};
  tunnels_.clear();
}

void Forwarder::ForgetDeviceIfGone() {
  if (!HasWorkerThat(&Worker::is_gone)) return;
  StopWorkers();
  ForgetDevice();
  PublishTable();
}

bool Forwarder::HasWorkerThat(bool (Worker::*is)() const) const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [is](const auto& worker) { return (worker.get()->*is)(); });
}

void Forwarder::PublishTable() {
  std::vector<Tunnel> tunnels;
  tunnels.reserve(tunnels_.size());
  for (const auto& [subnet, endpoint] : tunnels_) tunnels.push_back({subnet, endpoint});
  std::vector<Prefix> own;
  listeners_.ForEach([&](Family, const Listener& listener) {
    own.insert(own.end(), listener.terms.subnets.begin(), listener.terms.subnets.end());
  });
  table_.Replace(std::make_unique<const TunnelTable>(tunnels, own));
}

void Forwarder::StartWorkers() {
  if (!device_) return;
  used_ = OfferOffloads(device_->queues[0].get(), device_->terms.vnet_header, wanted_);
  listeners_.ForEach([&](Family, const Listener& listener) {
    for (const Descriptor& socket : listener.sockets) used_ = PrepareSocket(socket.get(), used_);
  });
  for (const WorkerPorts& ports : DealOut(*device_, listeners_)) {
    workers_.push_back(std::make_unique<Worker>(ports, used_, &table_, on_gone_));
  }
}

void Forwarder::StopWorkers() {
  for (std::unique_ptr<Worker>& worker : workers_) {
    worker->Stop();
    for (int i = 0; i < kCountSize; ++i) {
      ended_[i] += worker->counters().Get(static_cast<Count>(i));
    }
  }
  workers_.clear();
}

std::vector<int> Forwarder::Suspend() {
  StopWorkers();
  std::vector<int> descriptors;
  if (device_) {
    for (const Descriptor& queue : device_->queues) descriptors.push_back(queue.get());
  }
  listeners_.ForEach([&](Family, const Listener& listener) {
    for (const Descriptor& socket : listener.sockets) descriptors.push_back(socket.get());
  });
  return descriptors;
}

void Forwarder::Resume() { StartWorkers(); }

}  // namespace heddle::node::forwarder
