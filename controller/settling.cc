#include "controller/settling.h"

#include <algorithm>
#include <utility>

#include "absl/container/btree_set.h"

namespace heddle::controller {
namespace {

constexpr std::size_t kNamed = 5;

}  // namespace

std::optional<SettlingTerms> TermsOf(const storage::History& history, const RestoreMarks& marks,
                                     absl::Duration settle, absl::Time started) {
  if (!history.restored || marks.settled_history() == history.id) return std::nullopt;
  const absl::Time since = std::max(history.began, started);
  if (settle <= absl::ZeroDuration()) return std::nullopt;
  SettlingTerms terms{since + settle / 4, since + settle, {}, true};
  if (const auto& restore = marks.restore()) {
    terms.former_node_ids = restore->former_node_ids;
    terms.all_known = !restore->more_former_nodes;
  }
  return terms;
}

std::optional<Settling> JudgeSettling(const SettlingTerms& terms, const LeaseBook& book,
                                      const std::vector<NodeInfo>& nodes, absl::Time now) {
  if (now >= terms.until) return std::nullopt;
  absl::btree_set<std::string> missing(terms.former_node_ids.begin(), terms.former_node_ids.end());
  for (const auto& [node_id, lease] : book.leases()) {
    if (lease.advertisement) missing.insert(node_id);
  }
  for (const NodeInfo& node : nodes) {
    if (node.attached && node.report.applied_revision > 0) missing.erase(node.node_id);
  }
  if (missing.empty() && terms.all_known && now >= terms.not_before) return std::nullopt;
  Settling settling{terms.until, missing.size(), {}};
  for (auto name = missing.begin(); name != missing.end(); ++name) {
    if (settling.missing_node_ids.size() == kNamed) break;
    settling.missing_node_ids.push_back(*name);
  }
  return settling;
}

}  // namespace heddle::controller
