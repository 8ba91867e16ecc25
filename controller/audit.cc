#include "controller/audit.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "controller/audit_file.h"

namespace heddle::controller {
namespace {

constexpr absl::Duration kWindow = absl::Minutes(1);
constexpr std::uint64_t kToldEach = 10;      // refusals of one kind in a window
constexpr std::size_t kMaxKinds = 1000;      // in a window; then they are one kind
constexpr std::size_t kMaxFieldBytes = 512;  // callers choose what some fields say

// What strangers can have repeated without end; what an administrator tries is told each time.
bool IsRefusal(const AuditEntry& entry) {
  return absl::IsUnauthenticated(entry.result) || absl::IsPermissionDenied(entry.result) ||
         absl::IsResourceExhausted(entry.result) ||
         (!entry.result.ok() && (entry.who.empty() || absl::StartsWith(entry.who, "node/")));
}

std::string WithoutPort(const std::string& from) { return from.substr(0, from.rfind(':')); }

std::string Bounded(absl::string_view text) { return std::string(text.substr(0, kMaxFieldBytes)); }

std::string Line(absl::Time now, const AuditEntry& entry, std::uint64_t times) {
  nlohmann::ordered_json line;
  line["time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", now, absl::UTCTimeZone());
  line["who"] = Bounded(entry.who);
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) line[name] = Bounded(text);
  };
  add("serial", entry.serial);
  add("from", entry.from);
  add("through", entry.through);
  line["action"] = Bounded(entry.action);
  add("object", entry.object);
  line["result"] = absl::StatusCodeToString(entry.result.code());
  add("message", std::string(entry.result.message()));
  if (entry.revision != 0) line["revision"] = entry.revision;
  if (times != 0) line["times"] = times;
  // What is not UTF-8 is marked as such.
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace

class Audit::Impl {
 public:
  Impl(const std::string& path, const Clock* clock) : clock_(clock), file_(path) {}

  absl::Status Open() {
    MutexLock lock(&mutex_);
    return file_.Open();
  }

  void Record(const AuditEntry& entry) {
    const absl::Time now = clock_->Now();
    MutexLock lock(&mutex_);
    TellCounted(now);
    if (!IsRefusal(entry) || IsToBeTold(entry, now)) file_.Append(Line(now, entry, 0));
  }

  absl::Time TellCountedAt(absl::Time now) {
    MutexLock lock(&mutex_);
    TellCounted(now);
    return next_;
  }
  void TellAll() {
    MutexLock lock(&mutex_);
    for (const auto& [kind, refusals] : kinds_) Tell(refusals);
    kinds_.clear();
  }

 private:
  using Kind = std::tuple<std::string, std::string, std::string>;
  struct Refusals {
    absl::Time until;
    std::uint64_t seen = 0;
    AuditEntry last;
  };

  bool IsToBeTold(const AuditEntry& entry, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    Kind kind(entry.who, WithoutPort(entry.from), entry.action);
    AuditEntry last = entry;
    if (kinds_.size() >= kMaxKinds && !kinds_.contains(kind)) {
      kind = Kind();
      last = {"", "", "many", "", "any", "", entry.result};
    }
    Refusals& refusals = kinds_.try_emplace(kind, Refusals{now + kWindow, 0, {}}).first->second;
    refusals.last = std::move(last);
    next_ = std::min(next_, refusals.until);
    return ++refusals.seen <= kToldEach;
  }

  // Those whose minute is over.
  void TellCounted(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (now < next_) return;
    next_ = absl::InfiniteFuture();
    for (auto at = kinds_.begin(); at != kinds_.end();) {
      const bool over = at->second.until <= now;
      if (over) Tell(at->second);
      if (!over) next_ = std::min(next_, at->second.until);
      at = over ? kinds_.erase(at) : std::next(at);
    }
  }

  void Tell(const Refusals& refusals) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (refusals.seen <= kToldEach) return;
    file_.Append(Line(clock_->Now(), refusals.last, refusals.seen - kToldEach));
  }

  const Clock* const clock_;
  Mutex mutex_;
  AuditFile file_ ABSL_GUARDED_BY(mutex_);
  absl::btree_map<Kind, Refusals> kinds_ ABSL_GUARDED_BY(mutex_);
  absl::Time next_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();  // when a minute is over
};

absl::StatusOr<std::unique_ptr<Audit>> Audit::Open(const std::string& path, const Clock* clock) {
  auto impl = std::make_unique<Impl>(path, clock);
  HEDDLE_RETURN_IF_ERROR(impl->Open());
  return std::unique_ptr<Audit>(new Audit(std::move(impl)));
}

Audit::Audit(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Audit::~Audit() { impl_->TellAll(); }

void Audit::Record(const AuditEntry& entry) { impl_->Record(entry); }
absl::Time Audit::OnTime(absl::Time now) { return impl_->TellCountedAt(now); }

}  // namespace heddle::controller
