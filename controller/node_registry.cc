#include "controller/node_registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace heddle::controller {
namespace {

// The same text at each attempt, so that the newcomer's log has it once.
absl::Status SecondInstance(const NodeInfo& live, absl::Duration live_for) {
  return absl::AlreadyExistsError(absl::StrCat(
      "node id '", live.node_id, "' is in use: another heddle-node with that id is attached from ",
      live.remote_address, ". Give each host its own --node-id; if that process is gone, this one ",
      "is let in once it has been silent for ", absl::FormatDuration(live_for)));
}

}  // namespace

absl::StatusOr<NodeRegistry::Attached> NodeRegistry::Attach(Newcomer newcomer, absl::Time now) {
  MutexLock lock(&mutex_);
  Entry& entry = nodes_[newcomer.node_id];
  NodeInfo& info = entry.info;
  Attached attached;
  if (info.attached) {
    const absl::Duration silent = now - info.last_heard;
    if (info.instance_id != newcomer.instance_id && silent < live_for_) {
      return SecondInstance(info, live_for_);
    }
    attached.displaced = entry.stream.lock();
  } else {
    ++attached_;
  }
  // A restarted node may have lost what it had applied; its next report says.
  info = NodeInfo{};
  info.node_id = newcomer.node_id;
  info.attached = true;
  info.instance_id = std::move(newcomer.instance_id);
  info.remote_address = std::move(newcomer.remote_address);
  info.software_version = std::move(newcomer.software_version);
  info.can_probe = newcomer.can_probe;
  info.attached_at = info.last_heard = now;
  entry.attachment = attached.attachment = next_attachment_++;
  entry.stream = std::move(newcomer.stream);
  ++reports_;
  return attached;
}

NodeRegistry::Entry* NodeRegistry::FindLocked(absl::string_view node_id, std::uint64_t attachment) {
  const auto found = nodes_.find(node_id);
  if (found == nodes_.end() || found->second.attachment != attachment) return nullptr;
  return found->second.info.attached ? &found->second : nullptr;
}

void NodeRegistry::Heard(absl::string_view node_id, std::uint64_t attachment, absl::Time now) {
  MutexLock lock(&mutex_);
  if (Entry* entry = FindLocked(node_id, attachment)) entry->info.last_heard = now;
}

void NodeRegistry::Report(absl::string_view node_id, std::uint64_t attachment, NodeReport report,
                          absl::Time now) {
  MutexLock lock(&mutex_);
  Entry* entry = FindLocked(node_id, attachment);
  if (entry == nullptr) return;
  entry->info.report = std::move(report);
  entry->info.last_heard = now;
  ++reports_;
}

void NodeRegistry::Detach(absl::string_view node_id, std::uint64_t attachment) {
  MutexLock lock(&mutex_);
  Entry* entry = FindLocked(node_id, attachment);
  if (entry == nullptr) return;
  entry->info.attached = false;
  entry->stream.reset();
  --attached_;
  ++reports_;
}

void NodeRegistry::Forget(absl::string_view node_id) {
  MutexLock lock(&mutex_);
  const auto found = nodes_.find(node_id);
  if (found == nodes_.end() || found->second.info.attached) return;
  nodes_.erase(found);
  ++reports_;
}

absl::flat_hash_set<std::string> NodeRegistry::Alive() const {
  MutexLock lock(&mutex_);
  absl::flat_hash_set<std::string> alive;
  alive.reserve(attached_);
  for (const auto& [id, entry] : nodes_) {
    if (entry.info.attached) alive.insert(id);
  }
  return alive;
}

std::size_t NodeRegistry::attached_count() const {
  MutexLock lock(&mutex_);
  return attached_;
}

std::vector<NodeInfo> NodeRegistry::List() const {
  MutexLock lock(&mutex_);
  std::vector<NodeInfo> list;
  list.reserve(nodes_.size());
  for (const auto& [id, entry] : nodes_) list.push_back(entry.info);
  return list;
}

std::shared_ptr<LiveStream> NodeRegistry::FindStream(absl::string_view node_id) const {
  MutexLock lock(&mutex_);
  const auto found = nodes_.find(node_id);
  if (found == nodes_.end() || !found->second.info.attached) return nullptr;
  return found->second.stream.lock();
}

std::vector<NodeInfo> NodeRegistry::Laggards(const std::vector<std::string>& node_ids,
                                             storage::Revision revision) const {
  MutexLock lock(&mutex_);
  std::vector<NodeInfo> laggards;
  for (const std::string& id : node_ids) {
    const auto found = nodes_.find(id);
    if (found == nodes_.end()) {
      laggards.emplace_back().node_id = id;
    } else if (found->second.info.report.applied_revision < revision) {
      laggards.push_back(found->second.info);
    }
  }
  std::sort(laggards.begin(), laggards.end(),
            [](const NodeInfo& a, const NodeInfo& b) { return a.node_id < b.node_id; });
  return laggards;
}

std::uint64_t NodeRegistry::reports() const {
  MutexLock lock(&mutex_);
  return reports_;
}

}  // namespace heddle::controller
