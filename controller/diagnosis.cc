#include "controller/diagnosis.h"

#include <algorithm>

#include "api/convert_probe.h"

namespace heddle::controller {

Diagnosis::Diagnosis(std::optional<Network> network, const std::vector<Node>& nodes,
                     std::uint32_t max_peers)
    : network_(std::move(network)), max_peers_(max_peers) {
  for (const Node& node : nodes) {
    State& state = nodes_[node.node_id];
    state.attached = node.attached;
    state.probes = node.probes;
    state.settled = !node.probes;
    waiting_for_ += node.probes;
  }
}

void Diagnosis::OnReport(const std::string& node_id, const ProbeReport& report) {
  const auto found = nodes_.find(node_id);
  if (found == nodes_.end() || found->second.settled) return;
  State& state = found->second;
  for (const PeerProbe& probe : report.peers) {
    if (probe.node_id == node_id || !nodes_.contains(probe.node_id)) continue;
    state.probed.try_emplace(Direction(probe.node_id, probe.family), probe);
  }
  if (state.findings.empty() && !report.host.empty()) {
    state.findings = report.host;
    for (const HostFinding& finding : report.host) {
      v1::DiagnoseEvent& event = events_.emplace_back();
      event.set_node_id(node_id);
      *event.mutable_host() = ToProto(finding);
    }
  }
  if (report.last) Settle(node_id, &state, report.error);
}

void Diagnosis::Fail(const std::string& node_id, const std::string& why) {
  const auto found = nodes_.find(node_id);
  if (found != nodes_.end() && !found->second.settled) Settle(node_id, &found->second, why);
}

void Diagnosis::FailRest(const std::string& why) {
  for (auto& [node_id, state] : nodes_) {
    if (!state.settled) Settle(node_id, &state, why);
  }
}

void Diagnosis::Settle(const std::string& node_id, State* state, const std::string& error) {
  state->settled = true;
  --waiting_for_;
  for (const auto& [direction, probe] : state->probed) {
    State& peer = nodes_.at(direction.first);
    if (peer.settled) {
      JudgePair(node_id, *state, probe);
    } else {
      peer.waiting.emplace_back(node_id, direction.second);
    }
  }
  for (const auto& [from, family] : std::exchange(state->waiting, {})) {
    const State& other = nodes_.at(from);
    JudgePair(from, other, other.probed.at(Direction(node_id, family)));
  }
  v1::DiagnoseEvent& done = events_.emplace_back();
  done.set_node_id(node_id);
  done.set_node_done(true);
  done.set_node_error(error);
  if (max_peers_ > 0 && nodes_.size() - 1 > max_peers_) done.set_max_peers(max_peers_);
}

const PeerProbe* Diagnosis::Reverse(const std::string& from, const PeerProbe& probe) const {
  const State& peer = nodes_.at(probe.node_id);
  const auto found = peer.probed.find(Direction(from, probe.family));
  return found == peer.probed.end() ? nullptr : &found->second;
}

const BackendConfig* Diagnosis::BackendOf(absl::string_view type) const {
  if (!network_) return nullptr;
  if (network_->backend.type == type) return &network_->backend;
  return network_->standby && network_->standby->type == type ? &*network_->standby : nullptr;
}

void Diagnosis::JudgePair(const std::string& from, const State& state, const PeerProbe& probe) {
  const State& peer = nodes_.at(probe.node_id);
  Evidence evidence{from, probe};
  evidence.reverse = Reverse(from, probe);
  evidence.from_findings = state.findings;
  evidence.to_findings = peer.findings;
  evidence.peer = peer.attached ? Evidence::Attached::kYes : Evidence::Attached::kNo;
  evidence.backend = BackendOf(probe.backend_type);
  const Verdict verdict = Judge(evidence);
  v1::DiagnoseEvent& event = events_.emplace_back();
  event.set_node_id(from);
  *event.mutable_probe() = ToProto(probe);
  event.set_verdict(std::string(verdict.cause));
  event.set_advice(verdict.advice);
}

std::vector<v1::DiagnoseEvent> Diagnosis::TakeEvents() { return std::exchange(events_, {}); }

}  // namespace heddle::controller
