#include "node/executor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace heddle::node {

Executor::Executor(ExecutorOptions options, Dataplane* dataplane)
    : options_(std::move(options)),
      identity_(options_.identity),
      random_(options_.seed),
      reconciler_(dataplane, options_.plan),
      table_(options_.guard),
      retry_(options_.retry_initial, options_.retry_maximum) {}

void Executor::Restore(Remembered remembered) {
  network_ = std::move(remembered.network);
  self_ = std::move(remembered.self);
  table_.Restore(std::move(remembered.position), std::move(remembered.peers));
  restored_ = true;
  basis_changed_ = true;
}

absl::Status Executor::Handle(Update update, absl::Time now) {
  return std::visit([&](auto& message) { return On(std::move(message), now); }, update);
}

absl::Status Executor::On(Welcome welcome, absl::Time now) {
  table_.Attach(welcome.history);
  SetNetwork(std::move(welcome.network), now);
  return absl::OkStatus();
}

absl::Status Executor::On(Network network, absl::Time now) {
  SetNetwork(std::move(network), now);
  return absl::OkStatus();
}

absl::Status Executor::On(OwnLease lease, absl::Time now) {
  if (lease.self.node_id != identity_.node_id) {
    return absl::DataLossError(absl::StrCat("the controller sent the lease of ", lease.self.node_id,
                                            " to this node, ", identity_.node_id));
  }
  refused_ = std::move(lease.refused);
  if (self_ == lease.self) return absl::OkStatus();
  self_ = std::move(lease.self);
  ++remembered_version_;
  basis_changed_ = true;
  ScheduleFullPass(now);
  return absl::OkStatus();
}

absl::Status Executor::On(const SnapshotBegin& begin, absl::Time) { return table_.Begin(begin); }

absl::Status Executor::On(Chunk chunk, absl::Time) { return table_.Add(std::move(chunk)); }

absl::Status Executor::On(const Synced& synced, absl::Time now) {
  const bool first = !table_.complete();
  HEDDLE_ASSIGN_OR_RETURN(std::vector<PeerDifference> differences, table_.Complete(synced));
  ++remembered_version_;
  // Only now may be removed what an earlier run left.
  if (first) ScheduleFullPass(now);
  Enqueue(std::move(differences), now);
  return absl::OkStatus();
}

absl::Status Executor::On(const Heartbeat& heartbeat, absl::Time now) {
  const Position before = table_.position();
  HEDDLE_ASSIGN_OR_RETURN(std::vector<PeerDifference> differences, table_.Check(heartbeat));
  if (table_.position() != before || !differences.empty()) ++remembered_version_;
  if (!differences.empty()) {
    Enqueue(std::move(differences), now);
  } else if (table_.position() != before) {
    NoteApplied();
  }
  return absl::OkStatus();
}

absl::Status Executor::On(const AcceptRemovals&, absl::Time now) {
  std::vector<PeerDifference> differences = table_.Accept();
  ++remembered_version_;
  Enqueue(std::move(differences), now);
  return absl::OkStatus();
}

void Executor::SetNetwork(Network network, absl::Time now) {
  if (network_ == network) return;
  network_ = std::move(network);
  ++remembered_version_;
  basis_changed_ = true;
  Advertise();
  ScheduleFullPass(now);
}

void Executor::SetHost(absl::StatusOr<HostFacts> host, absl::Time now) {
  host_status_ = host.status();
  if (!host.ok() || host_ == *host) return;
  host_ = *std::move(host);
  basis_changed_ = true;
  Advertise();
  ScheduleFullPass(now);
}

void Executor::Advertise() {
  if (!network_ || !host_) return;
  Announcement announcement = Announce(*network_, identity_, *host_);
  advertisement_status_ = announcement.advertisement.status();
  standby_status_ = announcement.standby;
  if (!advertisement_status_.ok()) {
    advertisement_.reset();
    return;
  }
  // One that could not be made is announced all the same, after the first try: without a lease the
  // controller would not hear of it. `applied` says that it is not there.
  if (!HasTriedServed() && !MayAnnounce(network_->backend.type)) return;
  if (network_->standby && !MayAnnounce(network_->standby->type)) {
    Network without_standby = *network_;
    without_standby.standby.reset();
    announcement = Announce(without_standby, identity_, *host_);
  }
  advertisement_ = *std::move(announcement.advertisement);
}

// A standby that this host cannot have, or must not (another's commands), is not begun.
Network Executor::Served() const {
  Network served = *network_;
  if (!standby_status_.ok()) served.standby.reset();
  return served;
}

bool Executor::HasTriedServed() const {
  return reconciler_.basis() && reconciler_.basis()->network == Served();
}

bool Executor::MayAnnounce(const std::string& backend_type) const {
  if (!self_ || self_->advertisement.Runs(backend_type)) return true;
  return HasTriedServed() && reconciler_.own_objects_made();
}

void Executor::SetExtensionBackendData(absl::StatusOr<std::optional<std::string>> text,
                                       absl::Time now) {
  extension_status_ = text.status();
  std::optional<std::string> data;
  if (text.ok()) data = *std::move(text);
  if (identity_.extension_backend_data == data) return;
  identity_.extension_backend_data = std::move(data);
  Advertise();
  ScheduleFullPass(now);
}

void Executor::LookAgain(absl::Time now) {
  ScheduleFullPass(std::max(now + options_.settle, last_full_pass_ + options_.spacing));
}

void Executor::ScheduleFullPass(absl::Time when) {
  full_pass_due_ = std::min(full_pass_due_, when);
}

void Executor::Enqueue(std::vector<PeerDifference> differences, absl::Time now) {
  if (removals_were_kept_) ScheduleFullPass(now);
  differences_.insert(differences_.end(), std::make_move_iterator(differences.begin()),
                      std::make_move_iterator(differences.end()));
  if (differences_.empty()) NoteApplied();
}

absl::Time Executor::next_due() const {
  if (!network_ || !self_ || !host_) return absl::InfiniteFuture();
  if (!differences_.empty() && reconciler_.basis()) return absl::InfinitePast();
  return full_pass_due_;
}

void Executor::Step(absl::Time now) {
  if (!network_ || !self_ || !host_) return;
  if (full_pass_due_ <= now) {
    FullPass(now);
  } else if (!differences_.empty() && reconciler_.basis()) {
    Delta(now);
  }
  NoteApplied();
}

void Executor::FullPass(absl::Time now) {
  full_pass_due_ = absl::InfiniteFuture();
  // A network that this host cannot serve is not begun; what it had before is kept in order.
  const bool current = advertisement_status_.ok();
  if (!current && !reconciler_.basis()) return;  // again when network or host change
  const PlanBasis basis = current ? PlanBasis{Served(), *self_, *host_} : *reconciler_.basis();
  ++full_passes_;
  const bool keep = !table_.complete();
  const auto unasked = keep ? Reconciler::Unasked::kKeep : Reconciler::Unasked::kRemove;
  const bool done = reconciler_.FullPass(basis, table_.peers(), differences_, unasked);
  differences_.clear();
  if (current) basis_changed_ = false;
  removals_were_kept_ = keep;
  last_full_pass_ = now;
  Advertise();
  if (reconciler_.own_objects_made() && (table_.complete() || restored_)) ready_ = true;
  if (done) {
    retry_.Reset();
    ScheduleFullPass(now + options_.resync);
  } else if (reconciler_.has_more()) {
    ScheduleFullPass(now + options_.spacing);
  } else {
    ScheduleFullPass(now + retry_.Next(random_));
  }
}

void Executor::Delta(absl::Time now) {
  ++deltas_;
  if (!reconciler_.Delta(differences_, table_.peers()))
    ScheduleFullPass(now + retry_.Next(random_));
  differences_.clear();
}

void Executor::NoteApplied() {
  const bool all_in_kernel = reconciler_.basis() && reconciler_.clean() && !basis_changed_ &&
                             differences_.empty() && table_.complete();
  if (!all_in_kernel) return;
  // The peers have been told of a self that this node has not heard of yet: it is on its way. What
  // it asks for (a standby, above all) is not in the kernel before that.
  const auto own = table_.peers().find(identity_.node_id);
  const bool self_told = own != table_.peers().end() && !table_.IsHeld(identity_.node_id);
  if (self_told && own->second != *self_) return;
  const std::size_t told = table_.peers().size() - table_.held();
  applied_.revision = table_.position().revision;
  applied_.set_hash = table_.set_hash();
  applied_.peers = told - (self_told ? 1 : 0);
}

Applied Executor::applied() const {
  Applied applied = applied_;
  applied.held_removals = table_.held();
  applied.problems = problems();
  return applied;
}

std::vector<std::string> Executor::problems() const {
  std::vector<std::string> problems;
  if (!host_status_.ok()) problems.emplace_back(host_status_.message());
  for (const absl::Status* status :
       {&advertisement_status_, &standby_status_, &extension_status_}) {
    if (!status->ok()) problems.emplace_back(status->message());
  }
  if (!refused_.empty()) problems.push_back(refused_);
  if (table_.held() > 0 && !table_.settling()) {
    problems.push_back(
        absl::StrCat(table_.held(),
                     " peers are kept although the controller's snapshot lacks them; if they are "
                     "gone for good, run 'heddlectl node accept ",
                     identity_.node_id, "'"));
  }
  for (std::string& failure : reconciler_.failures()) problems.push_back(std::move(failure));
  const auto& plan_problems = reconciler_.plan_problems();
  problems.insert(problems.end(), plan_problems.begin(), plan_problems.end());
  return problems;
}

std::optional<Remembered> Executor::remembered() const {
  if (!network_ || !self_ || !table_.complete()) return std::nullopt;
  const bool whole = table_.held() == 0 && !table_.need_snapshot();
  return Remembered{whole ? table_.position() : Position{}, *network_, *self_, table_.peers()};
}

}  // namespace heddle::node
