#include "controller/admitted_streams.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace heddle::controller {
namespace {

// Whose certificate was shown.
const identity::Principal& Shower(const Caller& caller) {
  return caller.through ? *caller.through : caller.principal;
}

absl::Status Revoked(const identity::Principal& whose) {
  return absl::PermissionDeniedError(absl::StrCat(
      "the certificate of '", identity::ToString(whose),
      "' was revoked by an administrator. To come back, its holder needs a new one: a node with a "
      "ticket of `heddlectl token create`"));
}

absl::Status Expired(const Caller& caller) {
  return absl::UnauthenticatedError(
      absl::StrCat("the certificate of '", identity::ToString(Shower(caller)), "' has ended at ",
                   absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", caller.not_after, absl::UTCTimeZone()),
                   ". Connect again with a later one"));
}

// Without TLS all are one, and controllers pass on what others have.
bool IsCounted(const Caller& caller) {
  return caller.secure && Shower(caller).role != identity::Role::kController;
}

absl::Status TooMany(const Caller& caller) {
  return absl::ResourceExhaustedError(
      absl::StrCat("'", caller.who(), "' has ", kMaxStreamsOfOne,
                   " calls of this kind going on; end one of them, or use an identity of its own"));
}

}  // namespace

AdmittedStreams::AdmittedStreams(const Wiring& wiring) : wiring_(wiring) {
  wiring_.access->AddListener(
      [this](const std::vector<std::string>& serials) { OnRevoked(serials); });
  wiring_.pump->Add([this](absl::Time now) { return OnTime(now); });
}

std::shared_ptr<void> AdmittedStreams::Add(const Caller& caller, absl::string_view action,
                                           End end) {
  std::uint64_t id = 0;
  bool is_next = false, is_too_many = false;
  {
    MutexLock lock(&mutex_);
    id = ++last_id_;
    is_too_many = ++count_of_[caller.who()] > kMaxStreamsOfOne && IsCounted(caller);
    streams_[id] = {caller, std::string(action), end, caller.not_after, ""};
    is_next = caller.not_after < next_;
    if (is_next) next_ = caller.not_after;
  }
  if (is_next) wiring_.pump->Wake();
  // After it is in the list: what is revoked from now on ends it.
  const absl::Status status = is_too_many ? TooMany(caller) : wiring_.access->StillAdmitted(caller);
  if (!status.ok() && Remove(id)) EndAll({{{caller, std::string(action), end, {}, ""}, status}});
  return std::shared_ptr<void>(nullptr, [this, id](void*) { Remove(id); });
}

AdmittedStreams::Streams::iterator AdmittedStreams::EraseLocked(Streams::iterator at) {
  const auto count = count_of_.find(at->second.caller.who());
  if (--count->second == 0) count_of_.erase(count);
  return streams_.erase(at);
}

bool AdmittedStreams::Remove(std::uint64_t id) {
  MutexLock lock(&mutex_);
  const auto found = streams_.find(id);
  if (found == streams_.end()) return false;
  EraseLocked(found);
  return true;
}

// Whose certificate, of those that the stream stands on, is revoked; null: none is.
const identity::Principal* AdmittedStreams::RevokedOf(
    const Stream& stream, const absl::flat_hash_set<std::string>& serials) {
  const Caller& caller = stream.caller;
  if (!caller.serial.empty() && serials.contains(caller.serial)) return &caller.principal;
  if (caller.through && serials.contains(caller.through_serial)) return &*caller.through;
  if (!stream.relies_on.empty() && serials.contains(stream.relies_on)) return &Shower(caller);
  return nullptr;
}

void AdmittedStreams::OnRevoked(const std::vector<std::string>& serials) {
  const absl::flat_hash_set<std::string> revoked(serials.begin(), serials.end());
  std::vector<Ending> ending;
  {
    MutexLock lock(&mutex_);
    for (auto at = streams_.begin(); at != streams_.end();) {
      const identity::Principal* const whose = RevokedOf(at->second, revoked);
      if (whose != nullptr) ending.push_back({at->second, Revoked(*whose)});
      at = whose != nullptr ? EraseLocked(at) : std::next(at);
    }
  }
  EndAll(ending);
}

absl::Time AdmittedStreams::OnTime(absl::Time now) {
  {
    MutexLock lock(&mutex_);
    if (now < next_) return next_;
    next_ = absl::InfiniteFuture();
    for (const auto& [id, stream] : streams_) {
      if (stream.until > now) next_ = std::min(next_, stream.until);
    }
  }
  wiring_.with_certificates(
      [this, now](const NewestOf& newest_of) { JudgeExpired(now, newest_of); });
  MutexLock lock(&mutex_);
  return next_;
}

void AdmittedStreams::JudgeExpired(absl::Time now, const NewestOf& newest_of) {
  std::vector<Ending> ending;
  bool earlier = false;
  {
    MutexLock lock(&mutex_);
    for (auto at = streams_.begin(); at != streams_.end();) {
      Stream& stream = at->second;
      if (stream.until > now) {
        ++at;
        continue;
      }
      const std::optional<Newest> newest = newest_of(Shower(stream.caller));
      if (newest && newest->not_after > now) {
        stream.relies_on = newest->serial;
        stream.until = newest->not_after;
        earlier = earlier || stream.until < next_;
        next_ = std::min(next_, stream.until);
        ++at;
      } else {
        ending.push_back({stream, Expired(stream.caller)});
        at = EraseLocked(at);
      }
    }
  }
  if (earlier) wiring_.pump->Wake();
  EndAll(ending);
}

void AdmittedStreams::EndAll(const std::vector<Ending>& ending) {
  for (const Ending& one : ending) {
    wiring_.access->RecordRefusal(one.stream.caller, one.stream.action, "", one.why);
    one.stream.end(one.why);
  }
}

}  // namespace heddle::controller
