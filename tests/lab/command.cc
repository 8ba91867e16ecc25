#include "tests/lab/command.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/lab/error.h"
#include "tests/lab/sanitizer_report.h"

namespace heddle::lab {
namespace {

// A file in memory that takes a program's output.
class Capture {
 public:
  Capture() : fd_(memfd_create("output", MFD_CLOEXEC)) {
    if (fd_ < 0) ThrowErrno("memfd_create");
  }
  ~Capture() { close(fd_); }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  int fd() const { return fd_; }
  std::string Text() const {
    std::string text;
    char buffer[65536];
    ssize_t got = 0;
    while ((got = pread(fd_, buffer, sizeof buffer, static_cast<off_t>(text.size()))) > 0) {
      text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
  }

 private:
  int fd_;
};

}  // namespace

CommandResult TryRun(const Program& program, absl::Duration limit) {
  Capture out, err;
  Child child(program, out.fd(), err.fd());
  const std::optional<int> exit_code = child.Wait(limit);
  CommandResult result{exit_code.value_or(-1), out.Text(), err.Text()};
  ExpectNoSanitizerReport(program.argv.front(), result.err);
  return result;
}

std::string RunCommand(const NetworkNamespace* netns, const std::string& command) {
  Program program;
  program.argv = absl::StrSplit(command, ' ', absl::SkipEmpty());
  program.netns = netns;
  CommandResult result = TryRun(program);
  if (result.exit_code != 0) {
    throw LabError("`" + command + "` in " + (netns != nullptr ? netns->name() : "the test") +
                   " exits with " + std::to_string(result.exit_code) + ": " + result.out +
                   result.err);
  }
  return std::move(result.out);
}

nlohmann::json RunJson(const NetworkNamespace* netns, const std::string& command) {
  const std::string out = RunCommand(netns, command);
  if (out.find_first_not_of(" \n") == std::string::npos) return nlohmann::json::array();
  return nlohmann::json::parse(out);
}

void RunIpBatch(const NetworkNamespace* netns, const std::vector<std::string>& lines) {
  const std::string path = "/run/lab/ip-batch";
  std::ofstream(path) << absl::StrJoin(lines, "\n") << "\n";
  RunCommand(netns, "ip -batch " + path);
}

}  // namespace heddle::lab
