// What a restore makes of the writer: refusals while the store is torn, and care while it settles.
#include <algorithm>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/strings/str_cat.h"
#include "controller/keys.h"
#include "controller/store_feed.h"
#include "controller/writer.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

constexpr absl::Duration kLookEvery = absl::Seconds(1);

}  // namespace

void Writer::TakeMarks(const std::vector<storage::Change>& changes) {
  for (const std::string& problem : marks_.Apply(changes)) spdlog::error("{}", problem);
  if (marks_.is_torn(history_)) {
    wiring_.hub->Freeze(std::string(Torn().message()));
  } else if (settling_ && marks_.settled_history() == history_) {
    EndSettling();
  }
}

absl::Status Writer::Torn() const {
  std::string since, from;
  if (const auto& mark = marks_.restore()) {
    since = absl::StrCat(" since ",
                         absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", mark->began, absl::UTCTimeZone()));
    from = absl::StrCat(" of revision ", mark->backup.revision);
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "a restore of a backup", from, " runs", since,
      ", or was interrupted: nothing is served or changed until it is complete. If it does not run "
      "any more, run `heddlectl restore` again; nodes keep their state meanwhile"));
}

void Writer::BeginSettling() {
  const absl::Time now = wiring_.clock->Now();
  history_info_ = wiring_.store->Describe().history;
  if (history_info_.id != history_ || !history_info_.restored) return;
  if (marks_.settled_history() == history_) return;
  next_settling_look_ = now;
  settling_terms_ = TermsOf(history_info_, marks_, options_.restore_settle, now);
  if (!settling_terms_ || marks_.is_torn(history_)) return;
  JudgeSettlingNow(now);
  if (!settling_) return;
  wiring_.hub->set_settling(true);
  spdlog::info(
      "the store was restored: until {}, or until {} nodes are back, a node gets no other subnet "
      "than the one it has",
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", settling_terms_->until, absl::UTCTimeZone()),
      settling_->missing);
}

void Writer::JudgeSettlingNow(absl::Time now) {
  const bool knows = wiring_.registry != nullptr;
  settling_ = JudgeSettling(*settling_terms_, book_,
                            knows ? wiring_.registry->List() : std::vector<NodeInfo>(), now);
}

// Only the leader knows all nodes, so only it ends the settling early and writes down that it has
// ended; others hear of it, or see the time pass.
void Writer::LookAtSettling(absl::Time now) {
  next_settling_look_ = now + kLookEvery;
  if (settling_) {
    JudgeSettlingNow(now);
    if (settling_) return;
    if (!leads() && now < settling_terms_->until) {
      settling_ = Settling{settling_terms_->until, 0, {}};
      return;
    }
    EndSettling();
  }
  if (MayRun() && !recording_settled_) RecordSettled();
}

void Writer::EndSettling() {
  settling_.reset();
  wiring_.hub->set_settling(false);
  expiry_held_until_ = std::max(expiry_held_until_, wiring_.clock->Now() + options_.policy.ttl);
  spdlog::info("the restored store has settled: subnets are given to new nodes again");
  StartWaiting();
}

void Writer::RecordSettled() {
  if (marks_.settled_history() == history_) {
    next_settling_look_ = absl::InfiniteFuture();
    return;
  }
  recording_settled_ = true;
  Enqueue(
      Scope::kNetwork, "",
      [this](absl::Time) -> absl::StatusOr<Decision> {
        Decision decision;
        auto& writes = decision.transaction.writes;
        writes.push_back({storage::Write::Kind::kPut, kSettledKey, EncodeSettled(history_)});
        if (const auto& mark = marks_.restore()) {
          decision.transaction.guards.push_back(
              {storage::Guard::Kind::kModifiedAt, kRestoreKey, mark->modified});
          writes.push_back({storage::Write::Kind::kDelete, kRestoreKey, ""});
        }
        return decision;
      },
      [this](const absl::StatusOr<Committed>& result) {
        recording_settled_ = false;
        if (result.ok()) return;
        spdlog::warn(
            "that the restored store has settled could not be noted, will be tried again: "
            "{}",
            std::string(result.status().message()));
      });
}

void Writer::MarkRestore(storage::Position backup,
                         std::function<void(absl::StatusOr<RestoreBegun>)> done) {
  auto task = std::make_shared<Task>();
  task->scope = Scope::kNetwork;  // alone: what was decided before is committed by then
  task->marks_restore = true;
  task->decide = [this, backup = std::move(backup)](absl::Time now) {
    return DecideMark(backup, now);
  };
  task->done = [this, done = std::move(done)](const absl::StatusOr<Committed>& result) {
    if (!result.ok()) return done(result.status());
    if (!fence_ || !marks_.restore() || !marks_.is_torn(history_)) {
      return done(absl::UnavailableError("this controller has lost the lead; run it again"));
    }
    done(RestoreBegun{*fence_, history_, marks_.restore()->modified});
  };
  Enqueue(std::move(task));
}

// A mark that stands already says more of who had a lease than what the book has by now.
Decision Writer::DecideMark(const storage::Position& backup, absl::Time now) const {
  constexpr std::size_t kMaxNamesBytes = 512 << 10;
  RestoreMark mark{history_, now, backup, {}, false, 0};
  absl::btree_set<std::string> former;
  const auto& stands = marks_.restore();
  if (stands && stands->history == history_) {
    former.insert(stands->former_node_ids.begin(), stands->former_node_ids.end());
    mark.more_former_nodes = stands->more_former_nodes;
  }
  for (const auto& [node_id, lease] : book_.leases()) {
    if (lease.advertisement) former.insert(node_id);
  }
  std::size_t bytes = 0;
  for (const std::string& node_id : former) {
    bytes += node_id.size() + 4;
    if (bytes > kMaxNamesBytes) {
      mark.more_former_nodes = true;
      break;
    }
    mark.former_node_ids.push_back(node_id);
  }
  Decision decision;
  decision.transaction.writes.push_back(
      {storage::Write::Kind::kPut, kRestoreKey, EncodeRestoreMark(mark)});
  return decision;
}

}  // namespace heddle::controller
