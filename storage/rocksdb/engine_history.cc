// How the engine leaves one history for the next.
#include <future>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"
#include "storage/rocksdb/engine.h"

namespace heddle::storage {

absl::Status Engine::StartNewHistory() {
  auto done = std::make_shared<std::promise<absl::Status>>();
  std::future<absl::Status> answer = done->get_future();
  if (!mailbox_.Post(Beginning{[done](const absl::Status& status) { done->set_value(status); }})) {
    return absl::UnavailableError("too much work waits already; try again later");
  }
  return answer.get();
}

absl::Status Engine::BeginHistory() {
  if (!writable_) return absl::UnavailableError(write_health().alarm);
  History next = NewHistory(/*restored=*/true);
  if (const absl::Status written = slot_.get()->WriteHistory(next, term_ + 1); !written.ok()) {
    StopWriting(written);
    return absl::UnknownError(absl::StrCat(written.message(),
                                           "; whether a new history has begun is known once the ",
                                           "database is open again"));
  }
  ++term_;
  history_ = std::move(next);
  position_.history = history_.id;
  SetHealth(/*writable=*/true, "");
  spdlog::info("storage: {} begins history {} at revision {}", options_.path, history_.id,
               position_.revision);
  LeaveFormerHistory();
  return absl::OkStatus();
}

// Nothing of it is continued: neither what was followed or listed, nor a leadership.
void Engine::LeaveFormerHistory() {
  fence_.reset();
  keep_from_ = 0;
  NoteOnMark();
  slot_.EndListings();
  feed_.EndAll(absl::FailedPreconditionError(
      "the store has begun another history, as after a restore: list again"));
  std::shared_ptr<Candidate> candidate;
  {
    MutexLock lock(&mutex_);
    candidate = candidate_;
  }
  if (candidate == nullptr) return;
  candidate->Depose();
  candidate->TellLeader(std::nullopt);
}

}  // namespace heddle::storage
