#include "node/dataplane/forwarder/process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <iterator>

#include "base/core_dumps.h"
#include "base/status_macros.h"

namespace heddle::node::forwarder {
namespace {

absl::Status Refused(const char* what) { return absl::ErrnoToStatus(errno, what); }

// Waits for a word of the new process, and ends this one as it did.
[[noreturn]] void WaitAndExit(pid_t child, int reading) {
  char word;
  ssize_t got;
  do {
    got = read(reading, &word, 1);
  } while (got < 0 && errno == EINTR);
  if (got == 1) _exit(0);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  _exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : 1);
}

// Where systemd has left none the system call that gives them up is mostly forbidden as well.
absl::Status DropCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, held) != 0) return Refused("cannot read capabilities");
  const bool holds_any = std::any_of(std::begin(held), std::end(held), [](const auto& word) {
    return (word.effective | word.permitted | word.inheritable) != 0;
  });
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  if (holds_any && syscall(SYS_capset, &header, none) != 0) {
    return Refused("cannot give up capabilities (the system call capset)");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status DropPrivileges() {
  HEDDLE_RETURN_IF_ERROR(ForbidCoreDumps());
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Refused("cannot set no_new_privs");
  // Only with CAP_SETPCAP; without it there is nothing that could come back from there, given
  // no_new_privs.
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  return DropCapabilities();
}

absl::StatusOr<Detachment> Detachment::Detach() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Refused("cannot make a pipe");
  Descriptor reading(ends[0]), writing(ends[1]);
  const pid_t child = fork();
  if (child < 0) return Refused("cannot start a process");
  if (child > 0) {
    writing = Descriptor();
    WaitAndExit(child, reading.get());
  }
  setsid();
  return Detachment(std::move(writing));
}

void Detachment::Tell() {
  const Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  for (int stream = 0; stream <= 2; ++stream) dup2(null.get(), stream);
  // Whoever does not wait any more need not know.
  (void)!write(waiting_.get(), "", 1);
  waiting_ = Descriptor();
}

absl::StatusOr<Descriptor> OpenStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  if (sigprocmask(SIG_BLOCK, &signals, nullptr) != 0) return Refused("cannot block signals");
  Descriptor opened(signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!opened.is_open()) return Refused("cannot listen for signals");
  return opened;
}

}  // namespace heddle::node::forwarder
