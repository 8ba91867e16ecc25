// A long-running program of the lab with a log of its own.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "tests/lab/spawn.h"

namespace heddle::lab {

// May be started and ended again and again; the log goes on. When the test has failed by the time
// this object dies, the end of the log is printed.
class Process {
 public:
  Process(std::string name, std::string log_path);
  ~Process();

  void Start(const Program& program);
  bool running() { return child_ != nullptr && child_->alive(); }
  pid_t pid() const { return child_ != nullptr ? child_->pid() : -1; }
  void Signal(int signal);
  // SIGKILL, and waits for the end.
  void Kill();
  // SIGTERM; the exit code. Throws LabError if it is alive after `limit` (it is killed then).
  int Stop(absl::Duration limit = absl::Seconds(10));
  std::optional<int> Wait(absl::Duration limit);
  // All that it printed so far, over all starts.
  std::string Log() const;

 private:
  std::string name_, log_path_;
  std::unique_ptr<Child> child_;
};

}  // namespace heddle::lab
