// Starting a program and waiting for its end: no shell, a process id, a network namespace.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "tests/lab/netns.h"

namespace heddle::lab {

struct Program {
  std::vector<std::string> argv;  // argv[0] is looked up on PATH
  std::vector<std::pair<std::string, std::string>> environment = {};  // besides the test's own
  const NetworkNamespace* netns = nullptr;                            // null: the test's
};

// A child process. It dies with the thread that started it, at the latest.
class Child {
 public:
  // Output goes to the two descriptors, which stay the caller's. Throws LabError.
  Child(const Program& program, int stdout_fd, int stderr_fd);
  ~Child();  // kills it (SIGKILL) if it is alive
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  bool alive() { return !Wait(absl::ZeroDuration()).has_value(); }
  void Signal(int signal);
  // The exit code (128 + signal if one ended it), or nothing if it is alive after `limit`
  // (Scaled).
  std::optional<int> Wait(absl::Duration limit);

 private:
  pid_t pid_ = -1;
  int pidfd_ = -1;
  std::optional<int> exit_code_;
};

}  // namespace heddle::lab
