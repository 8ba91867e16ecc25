// How the engine goes on after a write failed.
#include <utility>

#include "absl/strings/str_cat.h"
#include "spdlog/spdlog.h"
#include "storage/rocksdb/engine.h"

namespace heddle::storage {

void Engine::StopWriting(const absl::Status& why) {
  std::string alarm = absl::StrCat(why.message(), "; commits are refused, reads go on");
  if (absl::IsResourceExhausted(why)) {
    absl::StrAppend(&alarm, ". The disk is full: free some space there, and it goes on by itself");
  }
  spdlog::error("storage: {}", alarm);
  SetHealth(/*writable=*/false, std::move(alarm));
  next_reopen_ = std::chrono::steady_clock::now();
}

void Engine::Refuse(const std::deque<Commitment>& waiting) {
  if (waiting.empty()) return;
  const absl::Status refusal = absl::UnavailableError(write_health().alarm);
  for (const Commitment& commitment : waiting) commitment.done(refusal);
}

void Engine::ReopenIfDue() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_reopen_) return;
  next_reopen_ = now + absl::ToChronoNanoseconds(options_.reopen_interval);
  // While the cause lasts there is no point in closing what can still be read.
  if (const absl::Status probe = ProbeWritable(options_.path); !probe.ok()) {
    SetHealth(/*writable=*/false, std::string(probe.message()));
    return;
  }
  absl::StatusOr<OpenedDirectory> opened = absl::UnknownError("not tried");
  slot_.Replace([&]() -> std::unique_ptr<Database> {
    opened = ReopenDirectory(options_.path, options_.env, position_);
    if (opened.ok()) return std::move(opened->database);
    auto readable =
        Database::Open(DatabaseFolder(options_.path), Database::Mode::kReadOnly, options_.env);
    return readable.ok() ? *std::move(readable) : nullptr;
  });
  if (!opened.ok()) {
    SetHealth(/*writable=*/false, std::string(opened.status().message()));
    return;
  }
  AdoptReopened(*std::move(opened));
}

void Engine::AdoptReopened(OpenedDirectory opened) {
  const Revision known = position_.revision;
  const bool another_history = opened.meta.history.id != position_.history;
  position_ = opened.meta.position();
  history_ = opened.meta.history;
  term_ = std::max(term_, opened.meta.term);
  SetHealth(/*writable=*/true, "");
  if (another_history) LeaveFormerHistory();
  spdlog::info(
      "storage: {} is writable again; of the writes that were unknown, {} had been applied",
      options_.path, position_.revision - known);
  PublishNew({});
}

}  // namespace heddle::storage
