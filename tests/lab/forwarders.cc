#include "tests/lab/forwarders.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "tests/lab/error.h"
#include "tests/lab/time_scale.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kGrace = absl::Seconds(5);

// Empty for a process that has ended meanwhile, or a thread of the kernel's.
std::vector<std::string> CommandLine(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/cmdline"));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return absl::StrSplit(text, '\0', absl::SkipEmpty());
}

// Whether the process sees the files that this one sees: the same path may be another socket in a
// lab that runs beside this one.
bool SharesFilesystem(pid_t pid) {
  const auto mounts_of = [](const std::string& process) {
    std::error_code gone;
    return std::filesystem::read_symlink("/proc/" + process + "/ns/mnt", gone).string();
  };
  return mounts_of(absl::StrCat(pid)) == mounts_of("self");
}

bool ServesAt(const std::string& socket_path, const std::vector<std::string>& words) {
  const std::string flag = "--socket";
  for (auto word = words.begin(); word != words.end(); ++word) {
    if (*word == absl::StrCat(flag, "=", socket_path)) return true;
    if (*word == flag && std::next(word) != words.end() && *std::next(word) == socket_path) {
      return true;
    }
  }
  return false;
}

// A process that is not a child, and whose id nobody else gets while this lives.
class Stranger {
 public:
  explicit Stranger(pid_t pid) : fd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {
    if (fd_ < 0 && errno != ESRCH) ThrowErrno(absl::StrCat("pidfd_open of process ", pid));
  }
  ~Stranger() {
    if (fd_ >= 0) close(fd_);
  }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  // Whether it is gone within the grace.
  bool EndsBy(int signal) {
    if (fd_ < 0) return true;
    if (syscall(SYS_pidfd_send_signal, fd_, signal, nullptr, 0) != 0) return errno == ESRCH;
    pollfd ending{fd_, POLLIN, 0};
    return poll(&ending, 1, static_cast<int>(absl::ToInt64Milliseconds(Scaled(kGrace)))) > 0;
  }

 private:
  const int fd_;
};

}  // namespace

std::vector<pid_t> ForwardersAt(const std::string& socket_path) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
    if (ServesAt(socket_path, CommandLine(pid)) && SharesFilesystem(pid)) found.push_back(pid);
  }
  return found;
}

void EndForwardersAt(const std::string& socket_path) {
  for (const pid_t pid : ForwardersAt(socket_path)) {
    Stranger forwarder(pid);
    if (!forwarder.EndsBy(SIGTERM) && !forwarder.EndsBy(SIGKILL)) {
      throw LabError(absl::StrCat("heddle-forwarder, process ", pid, ", does not end"));
    }
  }
}

}  // namespace heddle::lab
