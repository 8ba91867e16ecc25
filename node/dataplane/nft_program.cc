#include "node/dataplane/nft_program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

extern char** environ;

namespace heddle::node {
namespace {

constexpr int kTimeoutMilliseconds = 10'000;
// PATH first; then where Debian has it, for a PATH without the sbin folders.
constexpr const char* kPrograms[] = {"nft", "/usr/sbin/nft", "/sbin/nft"};

// Files in memory rather than pipes: neither side can block on the other.
absl::StatusOr<int> MemoryFile(absl::string_view content) {
  const int fd = memfd_create("heddle-nft", MFD_CLOEXEC);
  if (fd < 0) return absl::ErrnoToStatus(errno, "cannot make a file in memory for nft");
  if (write(fd, content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
      lseek(fd, 0, SEEK_SET) != 0) {
    close(fd);
    return absl::ErrnoToStatus(errno, "cannot fill a file in memory for nft");
  }
  return fd;
}

std::string ReadAll(int fd) {
  std::string content;
  char chunk[4096];
  lseek(fd, 0, SEEK_SET);
  for (ssize_t n; (n = read(fd, chunk, sizeof(chunk))) > 0;) content.append(chunk, n);
  return content;
}

absl::StatusOr<pid_t> Spawn(int input, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  absl::Cleanup destroy = [&] { posix_spawn_file_actions_destroy(&actions); };
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  const char* arguments[] = {"nft", "--stateless", "--file", "-", nullptr};
  int error = ENOENT;
  for (const char* program : kPrograms) {
    pid_t pid;
    error = posix_spawnp(&pid, program, &actions, nullptr, const_cast<char**>(arguments), environ);
    if (error == 0) return pid;
    if (error != ENOENT) break;
  }
  if (error == ENOENT) {
    return absl::NotFoundError("there is no nft program; install the package nftables");
  }
  return absl::ErrnoToStatus(error, "cannot start nft");
}

// The exit status, as waitpid gives it.
absl::StatusOr<int> WaitFor(pid_t pid) {
  const int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  bool killed = false;
  if (fd >= 0) {  // without pidfds (kernels before 5.3) the wait has no bound
    pollfd exited{fd, POLLIN, 0};
    int ready;
    do {
      ready = poll(&exited, 1, kTimeoutMilliseconds);
    } while (ready < 0 && errno == EINTR);
    killed = ready == 0;
    if (killed) kill(pid, SIGKILL);
    close(fd);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return absl::ErrnoToStatus(errno, "cannot wait for nft");
  }
  if (killed) return absl::DeadlineExceededError("nft did not end in 10 s and was killed");
  return status;
}

}  // namespace

absl::StatusOr<std::string> RunNft(absl::string_view script) {
  HEDDLE_ASSIGN_OR_RETURN(const int input, MemoryFile(script));
  absl::Cleanup close_input = [input] { close(input); };
  HEDDLE_ASSIGN_OR_RETURN(const int output, MemoryFile(""));
  absl::Cleanup close_output = [output] { close(output); };
  HEDDLE_ASSIGN_OR_RETURN(const pid_t pid, Spawn(input, output));
  HEDDLE_ASSIGN_OR_RETURN(const int status, WaitFor(pid));
  std::string printed = ReadAll(output);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return printed;
  return absl::InternalError(absl::StrCat("nft says: ", absl::StripAsciiWhitespace(printed)));
}

}  // namespace heddle::node
