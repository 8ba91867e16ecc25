#include "controller/node_registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace heddle::controller {
namespace {

constexpr std::size_t kMaxForgotten = 4096;

// The same text at each attempt, so that the newcomer's log has it once.
absl::Status SecondInstance(const NodeInfo& live, absl::Duration live_for) {
  return absl::AlreadyExistsError(absl::StrCat(
      "node id '", live.node_id, "' is in use: another heddle-node with that id is attached from ",
      live.remote_address,
      live.controller_id.empty() ? ""
                                 : absl::StrCat(" to the controller '", live.controller_id, "'"),
      ". Give each host its own --node-id; if that process is gone, this one ",
      "is let in once it has been silent for ", absl::FormatDuration(live_for)));
}

}  // namespace

absl::StatusOr<NodeRegistry::Attached> NodeRegistry::Attach(Newcomer newcomer, absl::Time now) {
  Attached attached;
  {
    MutexLock lock(&mutex_);
    Entry& entry = nodes_[newcomer.node_id];
    NodeInfo& info = entry.info;
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
    ChangedLocked(&entry);
  }
  TellLocalChange();
  return attached;
}

absl::StatusOr<std::shared_ptr<LiveStream>> NodeRegistry::AttachRemote(Remote remote,
                                                                       absl::Time now) {
  MutexLock lock(&mutex_);
  Entry& entry = nodes_[remote.info.node_id];
  const NodeInfo& known = entry.info;
  std::shared_ptr<LiveStream> displaced;
  const bool same = known.attached && known.controller_id == remote.info.controller_id &&
                    entry.attachment == remote.attachment;
  if (known.attached && !same) {
    if (known.instance_id != remote.info.instance_id) {
      if (now - known.last_heard < live_for_) return SecondInstance(known, live_for_);
    } else if (known.attached_at > remote.info.attached_at) {
      return absl::AbortedError("a newer stream of this node has taken over");
    }
    displaced = entry.stream.lock();
  }
  if (!known.attached) ++attached_;
  if (same) remote.info.attached_at = known.attached_at;
  entry = {std::move(remote.info), remote.attachment, std::move(remote.stream), /*change=*/0};
  entry.info.attached = true;
  ++reports_;
  return displaced;
}

bool NodeRegistry::DetachRemote(absl::string_view controller_id, absl::string_view node_id) {
  MutexLock lock(&mutex_);
  const auto found = nodes_.find(node_id);
  if (found == nodes_.end() || !found->second.info.attached ||
      found->second.info.controller_id != controller_id) {
    return false;
  }
  DetachLocked(&found->second);
  return true;
}

std::vector<std::string> NodeRegistry::DetachAllOf(absl::string_view controller_id) {
  MutexLock lock(&mutex_);
  std::vector<std::string> detached;
  for (auto& [node_id, entry] : nodes_) {
    if (!entry.info.attached || entry.info.controller_id != controller_id) continue;
    DetachLocked(&entry);
    detached.push_back(node_id);
  }
  return detached;
}

// O(nodes), of which most have not changed: a comparison each.
std::optional<NodeRegistry::LocalChanges> NodeRegistry::LocalChangesAfter(
    std::uint64_t cursor) const {
  MutexLock lock(&mutex_);
  if (cursor > 0 && cursor < forgotten_gone_) return std::nullopt;
  LocalChanges changes;
  changes.cursor = local_changes_;
  for (const auto& [node_id, entry] : nodes_) {
    if (entry.change <= cursor) continue;
    if (entry.info.attached) {
      changes.attached.push_back({entry.info, entry.attachment});
    } else if (cursor > 0) {
      changes.detached_node_ids.push_back(node_id);
    }
  }
  for (const Forgotten& forgotten : forgotten_) {
    if (cursor > 0 && forgotten.change > cursor && !nodes_.contains(forgotten.node_id)) {
      changes.detached_node_ids.push_back(forgotten.node_id);
    }
  }
  return changes;
}

void NodeRegistry::ChangedLocked(Entry* entry) {
  ++reports_;
  if (entry->info.controller_id.empty()) entry->change = ++local_changes_;
}

void NodeRegistry::DetachLocked(Entry* entry) {
  entry->info.attached = false;
  entry->stream.reset();
  --attached_;
  ChangedLocked(entry);
}

void NodeRegistry::TellLocalChange() const {
  if (on_local_change_) on_local_change_();
}

NodeRegistry::Entry* NodeRegistry::FindLocked(absl::string_view node_id, std::uint64_t attachment) {
  const auto found = nodes_.find(node_id);
  if (found == nodes_.end()) return nullptr;
  Entry& entry = found->second;
  const bool present = entry.info.attached && entry.info.controller_id.empty();
  return present && entry.attachment == attachment ? &entry : nullptr;
}

void NodeRegistry::Heard(absl::string_view node_id, std::uint64_t attachment, absl::Time now) {
  MutexLock lock(&mutex_);
  if (Entry* entry = FindLocked(node_id, attachment)) entry->info.last_heard = now;
}

void NodeRegistry::Report(absl::string_view node_id, std::uint64_t attachment, NodeReport report,
                          absl::Time now) {
  {
    MutexLock lock(&mutex_);
    Entry* entry = FindLocked(node_id, attachment);
    if (entry == nullptr) return;
    entry->info.report = std::move(report);
    entry->info.last_heard = now;
    ChangedLocked(entry);
  }
  TellLocalChange();
}

void NodeRegistry::Detach(absl::string_view node_id, std::uint64_t attachment) {
  {
    MutexLock lock(&mutex_);
    Entry* entry = FindLocked(node_id, attachment);
    if (entry == nullptr) return;
    DetachLocked(entry);
  }
  TellLocalChange();
}

void NodeRegistry::Forget(absl::string_view node_id) {
  MutexLock lock(&mutex_);
  const auto found = nodes_.find(node_id);
  if (found == nodes_.end() || found->second.info.attached) return;
  if (found->second.change > 0) {
    forgotten_.push_back({found->second.change, found->first});
    if (forgotten_.size() > kMaxForgotten) {
      forgotten_gone_ = std::max(forgotten_gone_, forgotten_.front().change);
      forgotten_.pop_front();
    }
  }
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

std::shared_ptr<LiveStream> NodeRegistry::FindStream(absl::string_view node_id,
                                                     std::uint64_t attachment) const {
  MutexLock lock(&mutex_);
  const auto found = nodes_.find(node_id);
  const bool present = found != nodes_.end() && found->second.info.attached &&
                       found->second.info.controller_id.empty() &&
                       found->second.attachment == attachment;
  return present ? found->second.stream.lock() : nullptr;
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
