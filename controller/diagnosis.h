// One run of `heddlectl doctor`: what nodes report goes in, what it means comes out. Pure.
//
// A pair is judged when both of its ends have nothing more to say, so that each direction's probes
// and each end's findings explain the other's. Nodes are not trusted: only what was asked of them
// is taken, once, and only about nodes that there are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "api/heddle/v1/admin.pb.h"
#include "api/network.h"
#include "api/probe.h"
#include "api/verdict.h"

namespace heddle::controller {

class Diagnosis {
 public:
  struct Node {
    std::string node_id;
    bool attached = false;
    bool probes = false;  // it was asked, and is expected to answer
  };
  // `max_peers`: what the nodes were asked to choose; 0: they probe all.
  Diagnosis(std::optional<Network> network, const std::vector<Node>& nodes,
            std::uint32_t max_peers);

  void OnReport(const std::string& node_id, const ProbeReport& report);
  // Nothing (more) comes from the node, and why.
  void Fail(const std::string& node_id, const std::string& why);
  // The same for all that have not ended.
  void FailRest(const std::string& why);

  // What is known since the last call, in the order in which it became known.
  std::vector<v1::DiagnoseEvent> TakeEvents();
  bool is_done() const { return waiting_for_ == 0; }

 private:
  // A direction in one family, from the prober's side.
  using Direction = std::pair<std::string, Family>;  // the peer's id
  struct State {
    bool attached = false, probes = false, settled = false;
    absl::flat_hash_map<Direction, PeerProbe> probed;
    std::vector<HostFinding> findings;
    // Who has settled and waits for this node to judge what it found on the way here.
    std::vector<std::pair<std::string, Family>> waiting;
  };

  void Settle(const std::string& node_id, State* state, const std::string& error);
  void JudgePair(const std::string& from, const State& state, const PeerProbe& probe);
  const PeerProbe* Reverse(const std::string& from, const PeerProbe& probe) const;
  const BackendConfig* BackendOf(absl::string_view type) const;

  const std::optional<Network> network_;
  const std::uint32_t max_peers_;
  absl::btree_map<std::string, State> nodes_;
  std::size_t waiting_for_ = 0;
  std::vector<v1::DiagnoseEvent> events_;
};

}  // namespace heddle::controller
