// How the follower makes sure that it is as new as etcd, and equal to it.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/program.h"
#include "spdlog/spdlog.h"
#include "storage/etcd/follower.h"

namespace heddle::storage {
namespace {

constexpr absl::Duration kProbeEvery = absl::Seconds(2);
constexpr int kProbesPerAwait = 15, kProbesPerStatus = 5;

// etcd's words for an alarm, in ours.
std::string Explain(const std::string& alarm) {
  if (absl::StrContains(alarm, "NOSPACE")) {
    return "etcd's space quota is used up (NOSPACE) and it refuses writes: compact and defragment "
           "it, or raise --quota-backend-bytes, then run etcdctl alarm disarm";
  }
  return absl::StrCat("etcd says: ", Excerpt(alarm));
}

}  // namespace

void Follower::ReadPosition(Store::PositionDone done) {
  position_wanted_.push_back(std::move(done));
  if (position_asked_.empty()) AskPosition();
}

// One read for all who ask meanwhile; those who ask later need a later read.
void Follower::AskPosition() {
  position_asked_ = std::exchange(position_wanted_, {});
  if (position_asked_.empty()) return;
  etcdserverpb::RangeRequest request;
  request.set_key(keys_.history);
  request.set_count_only(true);
  client_->Range(std::move(request), [this](absl::StatusOr<etcdserverpb::RangeResponse> read) {
    thread_->Post([this, read = std::move(read)] {
      const auto asked = std::exchange(position_asked_, {});
      if (!is_ended_) AskPosition();
      if (!read.ok()) {
        for (const auto& done : asked) done(absl::UnavailableError(read.status().message()));
        return;
      }
      const auto revision = static_cast<Revision>(read->header().revision());
      replica_->Await(revision, [this, asked](const absl::Status& status) {
        for (const auto& done : asked) {
          if (status.ok()) {
            done(replica_->reached().position);
          } else {
            done(status);
          }
        }
      });
    });
  });
}

void Follower::PutBarrier() {
  if (is_ended_ || barrier_under_way_) return;
  barrier_under_way_ = true;
  etcdserverpb::PutRequest request;
  request.set_key(keys_.barrier);
  client_->Put(std::move(request), [this](const absl::StatusOr<etcdserverpb::PutResponse>& put) {
    thread_->Post([this, status = put.status()] {
      barrier_under_way_ = false;
      if (!status.ok()) spdlog::debug("storage: barrier: {}", std::string(status.message()));
    });
  });
}

void Follower::Probe() {
  const Revision known = replica_->revision();
  AskSurvey([this, known](absl::StatusOr<Survey> survey) {
    if (!survey.ok()) return Retry(survey.status());
    if (survey->revision < known) return Connect();  // where it is dealt with
    replica_->Heard(survey->cluster_id, survey->raft_term);
    // Now and then with proof that the watch is not stuck.
    if (++probes_ % kProbesPerAwait == 0) {
      replica_->Await(survey->revision, [](const absl::Status&) {});
    }
    if (probes_ % kProbesPerStatus == 1) AskAlarms();
    thread_->After(kProbeEvery, [this, attempt = attempt_] {
      if (attempt == attempt_) Probe();
    });
  });
}

// Every member knows the alarms of all; each is asked in its turn.
void Follower::AskAlarms() {
  const int endpoint = status_asked_++ % static_cast<int>(client_->endpoints().size());
  client_->Status(endpoint, OnThread<etcdserverpb::StatusResponse>([this](const auto& status) {
                    if (!status.ok()) return;  // the survey tells what cannot be reached
                    SetState([&](State* state) {
                      state->alarms.clear();
                      for (const std::string& alarm : status->errors()) {
                        state->alarms.push_back(Explain(alarm));
                      }
                    });
                  }));
}

void Follower::Compare() {
  AskSurvey([this](absl::StatusOr<Survey> survey) {
    if (!survey.ok()) return Retry(survey.status());
    const Revision at = survey->revision;
    List(at, [this, at](const std::vector<Record>& listing) {
      replica_->Await(at, [this, at, listing, attempt = attempt_](const absl::Status& status) {
        if (status.ok() && attempt == attempt_) Judge(listing, at);
      });
    });
  });
}

// The copy has what no event can have taken back.
bool Follower::IsBeyond(const std::vector<Change>& changes) const {
  return std::any_of(changes.begin(), changes.end(), [this](const Change& change) {
    const absl::StatusOr<std::optional<Record>> held = replica_->copy().Find(change.record.key);
    if (change.deleted || !held.ok() || !*held) return false;
    return (*held)->modified > change.record.modified ||
           ((*held)->modified == change.record.modified && (*held)->value != change.record.value);
  });
}

void Follower::CompareAfter(absl::Duration delay) {
  thread_->After(delay * absl::Uniform(random_, 0.8, 1.2), [this, attempt = attempt_] {
    if (attempt == attempt_) Compare();
  });
}

void Follower::Judge(std::vector<Record> listing, Revision at) {
  CompareAfter(options_.compare_every);
  const absl::StatusOr<std::vector<Change>> changes = replica_->copy().Differences(listing, at);
  if (!changes.ok() || changes->empty()) return;
  if (IsBeyond(*changes)) return LeaveHistory();
  const std::size_t named = std::min<std::size_t>(changes->size(), 5);
  spdlog::error(
      "storage: the local copy differed from etcd at revision {} in {} records ({}{}): events were "
      "lost on the way. It is put right",
      at, changes->size(),
      absl::StrJoin(changes->begin(), changes->begin() + static_cast<std::ptrdiff_t>(named), ", ",
                    [](std::string* out, const Change& c) { out->append(c.record.key); }),
      named < changes->size() ? ", ..." : "");
  healing_.emplace(std::move(listing), at);
  PutBarrier();
}

std::vector<Change> Follower::Healing(Revision revision) {
  auto [listing, at] = *std::exchange(healing_, std::nullopt);
  absl::StatusOr<std::vector<Change>> changes =
      replica_->copy().Differences(std::move(listing), at);
  if (!changes.ok()) {
    spdlog::error("storage: the local copy was not put right at revision {}: {}", revision,
                  std::string(changes.status().message()));
    return {};
  }
  return *std::move(changes);
}

void Follower::ReopenCopy() {
  thread_->After(absl::Seconds(1), [this] {
    if (is_ended_) return;
    if (const absl::Status opened = replica_->Reopen(); !opened.ok()) {
      SetState([&](State* state) { state->copy_alarm = std::string(opened.message()); });
      return ReopenCopy();
    }
    SetState([](State* state) { state->copy_alarm.clear(); });
    spdlog::info("storage: the local copy is open again");
    Connect();
  });
}

}  // namespace heddle::storage
