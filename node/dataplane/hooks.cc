#include "node/dataplane/hooks.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "node/dataplane/command.h"
#include "node/dataplane/hook_record.h"

namespace heddle::node {
namespace {

constexpr std::size_t kLimitBytes = 256 << 20;
constexpr std::size_t kKeptBytes = 4 << 10;  // of a command's output

// The object that stands for a record file in trouble. No plan has it.
const HookKey& RecordKey() {
  static const auto* const key = new HookKey{"record of commands"};
  return *key;
}

// Different after each boot. "" where the kernel does not tell: then a record is of any boot.
std::string BootId() {
  const auto text = ReadFile("/proc/sys/kernel/random/boot_id");
  return text.ok() ? std::string(absl::StripAsciiWhitespace(*text)) : "";
}

absl::Status OutOfTime() {
  return absl::UnavailableError("other commands took the time; it runs at the next pass");
}

}  // namespace

void Hooks::Start() {
  spent_ = absl::ZeroDuration();
  others_wait_ = std::exchange(is_over_budget_, false);
}

absl::Status Hooks::Load() {
  if (is_loaded_) return absl::OkStatus();
  if (options_.record_file.empty()) {
    return absl::FailedPreconditionError("there is no file to keep a record of commands in");
  }
  absl::StatusOr<std::string> content = ReadFile(options_.record_file, kLimitBytes);
  if (!absl::IsNotFound(content.status())) {
    HEDDLE_RETURN_IF_ERROR(content.status());
    absl::StatusOr<HookRecord> record = DecodeHookRecord(*content);
    if (!record.ok()) {
      return absl::DataLossError(absl::StrCat(
          "cannot use ", options_.record_file, ": ", record.status().message(),
          "; it says what commands were run on this host, so nothing is run or undone. Undo by "
          "hand what they made, and remove the file: then all that is wanted is run anew"));
    }
    if (record->boot_id == BootId()) done_ = std::move(record->hooks);
  }
  is_loaded_ = true;
  return absl::OkStatus();
}

absl::Status Hooks::Save() {
  is_unsaved_ = true;
  if (done_.empty()) {
    if (unlink(options_.record_file.c_str()) != 0 && errno != ENOENT) {
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove ", options_.record_file));
    }
  } else {
    HEDDLE_ASSIGN_OR_RETURN(const std::string content, EncodeHookRecord({BootId(), done_}));
    HEDDLE_RETURN_IF_ERROR(WriteFileAtomically(options_.record_file, content, 0600));
  }
  is_unsaved_ = false;
  return absl::OkStatus();
}

void Hooks::Read(NetworkState* state) {
  const bool is_usable = options_.record_file.empty() || Load().ok();
  state->hooks = done_;
  if (!is_usable || is_unsaved_) state->hooks[RecordKey()] = Hook();
}

absl::Status Hooks::Write(Operation::Kind kind, const HookKey& key, const Hook& hook) {
  HEDDLE_RETURN_IF_ERROR(Load());
  if (key == RecordKey()) return is_unsaved_ ? Save() : absl::OkStatus();
  const auto done = done_.find(key);
  if (kind == Operation::Kind::kRemove) {
    if (done != done_.end()) return Undo(done);
    failed_.erase(key);
    return absl::OkStatus();
  }
  if (done != done_.end() && done->second == hook) return absl::OkStatus();
  if (!options_.run_commands) {
    return absl::PermissionDeniedError(
        "this host does not run commands of the network's configuration; start heddle-node with "
        "--allow-extension-commands if it shall");
  }
  if (done != done_.end()) HEDDLE_RETURN_IF_ERROR(Undo(done));
  HEDDLE_RETURN_IF_ERROR(Run(key, hook.run, hook));
  done_.emplace(key, hook);
  return Save();
}

absl::Status Hooks::Undo(Done::iterator done) {
  const Hook& hook = done->second;
  const absl::Status status = Run(done->first, hook.undo, hook);
  if (!status.ok()) {
    return absl::Status(status.code(), absl::StrCat("undoing it with ", Excerpt(hook.undo), ": ",
                                                    status.message()));
  }
  done_.erase(done);
  return Save();
}

absl::Status Hooks::Run(const HookKey& key, const std::string& command, const Hook& hook) {
  if (absl::StripAsciiWhitespace(command).empty()) return absl::OkStatus();
  if (others_wait_ && failed_.contains(key)) return OutOfTime();
  if (spent_ >= options_.budget) {
    is_over_budget_ = true;
    return OutOfTime();
  }
  ProgramOptions program = CommandProgram(command, hook.environment);
  program.input = hook.input;
  program.time_limit = options_.time_limit;
  program.kept_bytes = kKeptBytes;
  const auto start = std::chrono::steady_clock::now();
  const absl::StatusOr<ProgramEnd> end = RunProgram(program);
  spent_ += absl::FromChrono(std::chrono::steady_clock::now() - start);
  const absl::Status status = end.ok() ? end->status() : end.status();
  if (status.ok()) {
    failed_.erase(key);
  } else {
    failed_.insert(key);
  }
  return status;
}

}  // namespace heddle::node
