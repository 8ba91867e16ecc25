#include "tests/lab/spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>

#include "tests/lab/error.h"
#include "tests/lab/time_scale.h"

extern char** environ;

namespace heddle::lab {
namespace {

std::vector<std::string> MergedEnvironment(const Program& program) {
  std::map<std::string, std::string> merged;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) merged[text.substr(0, equals)] = text.substr(equals + 1);
  }
  for (const auto& [name, value] : program.environment) merged[name] = value;
  std::vector<std::string> result;
  for (const auto& [name, value] : merged) result.push_back(name + "=" + value);
  return result;
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Between fork and exec only async-signal-safe calls are allowed.
[[noreturn]] void BecomeProgram(char** argv, char** env, int netns_fd, int stdout_fd,
                                int stderr_fd) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (netns_fd >= 0 && setns(netns_fd, CLONE_NEWNET) != 0) _exit(126);
  const int input = open("/dev/null", O_RDONLY);
  if (dup2(input, 0) < 0 || dup2(stdout_fd, 1) < 0 || dup2(stderr_fd, 2) < 0) _exit(126);
  execvpe(argv[0], argv, env);
  static const char kMessage[] = "the lab cannot execute this program\n";
  if (write(2, kMessage, sizeof(kMessage) - 1) < 0) _exit(126);
  _exit(127);
}

}  // namespace

Child::Child(const Program& program, int stdout_fd, int stderr_fd) {
  const std::vector<std::string> environment = MergedEnvironment(program);
  const std::vector<char*> argv = Pointers(program.argv);
  const std::vector<char*> env = Pointers(environment);
  const int netns_fd = program.netns != nullptr ? program.netns->fd() : -1;
  pid_ = fork();
  if (pid_ < 0) ThrowErrno("fork for " + program.argv[0]);
  if (pid_ == 0) {
    BecomeProgram(const_cast<char**>(argv.data()), const_cast<char**>(env.data()), netns_fd,
                  stdout_fd, stderr_fd);
  }
  pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  if (pidfd_ < 0) ThrowErrno("pidfd_open for " + program.argv[0]);
}

Child::~Child() {
  if (alive()) {
    Signal(SIGKILL);
    Wait(absl::Seconds(10));
  }
  close(pidfd_);
}

void Child::Signal(int signal) {
  if (!exit_code_) kill(pid_, signal);
}

std::optional<int> Child::Wait(absl::Duration limit) {
  if (exit_code_) return exit_code_;
  pollfd waiting{pidfd_, POLLIN, 0};
  if (poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(Scaled(limit)))) <= 0) return {};
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) ThrowErrno("waitpid");
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return exit_code_;
}

}  // namespace heddle::lab
