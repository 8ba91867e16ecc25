// A program run to its end: without a shell, in a process group of its own, with bounds on its time
// and on what is kept of its output. What it prints beyond is read and dropped, so that it never
// blocks on us, nor we on it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace heddle {

struct ProgramOptions {
  std::vector<std::string> words;  // the program and its arguments
  // Folders, separated by ':', where a program without a slash in its name is sought.
  std::string path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  std::optional<std::vector<std::string>> environment;  // NAME=value; absent: this process's own
  absl::string_view input;                              // standard input; copied by Start
  absl::Duration time_limit = absl::Seconds(10);
  std::size_t kept_bytes = 64 << 20;  // at most, of the standard output, and of the standard error
};

struct ProgramEnd {
  int wait_status = 0;  // as waitpid gives it
  absl::Duration time_limit;
  bool is_timed_out = false;  // the limit was reached, and the whole group was killed
  std::string output, errors;
  bool is_cut = false;  // more was printed than is kept

  // OK: it exited with 0. DeadlineExceeded: timed out. Internal: another exit code, or a signal.
  // The message says which, and quotes the beginning of what was printed, in ASCII without control
  // characters.
  absl::Status status() const;
};

// `text` for a message: at most about `limit` characters of ASCII, others and backslashes escaped.
std::string Excerpt(absl::string_view text, std::size_t limit = 400);

// A running program. Not thread-safe. It has the calling thread's network namespace, default signal
// actions, and no file of ours but its standard ones.
class Program {
 public:
  // NotFound: there is no such program. Anything else: it cannot be started, and why.
  static absl::StatusOr<Program> Start(const ProgramOptions& options);
  // Kills the whole group when the program runs still.
  ~Program();
  Program(Program&& other) noexcept;
  Program& operator=(Program&&) = delete;

  // How it ended; nothing while it runs. To be called until it has ended. Waits at most `wait` for
  // something to happen. What the program left running in the background is left alone, and what
  // that prints is lost.
  std::optional<ProgramEnd> Poll(absl::Duration wait = absl::ZeroDuration());
  // Sends `signal` to the whole group; nothing when Poll has said that the program ended.
  void Signal(int signal);

 private:
  struct Pipe {
    int fd = -1;
    std::string kept;
  };

  Program(pid_t pid, const ProgramOptions& options) : pid_(pid), kept_bytes_(options.kept_bytes) {}
  void Drain(Pipe* pipe);

  pid_t pid_;
  int pidfd_ = -1;  // -1 on kernels before 5.3: then the end is looked for now and then
  std::size_t kept_bytes_;
  Pipe output_, errors_;
  absl::Time deadline_;
  ProgramEnd end_;
};

// Starts it and waits for its end. Errors as Program::Start's; how it ended is in ProgramEnd.
absl::StatusOr<ProgramEnd> RunProgram(const ProgramOptions& options);

}  // namespace heddle
