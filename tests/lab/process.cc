#include "tests/lab/process.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <iostream>
#include <sstream>
#include <utility>

#include "gtest/gtest.h"
#include "tests/lab/error.h"
#include "tests/lab/sanitizer_report.h"

namespace heddle::lab {
namespace {

constexpr std::size_t kPrintedLogBytes = 6000;

}  // namespace

Process::Process(std::string name, std::string log_path)
    : name_(std::move(name)), log_path_(std::move(log_path)) {}

Process::~Process() {
  child_.reset();
  const std::string log = Log();
  ExpectNoSanitizerReport(name_, log);
  if (!testing::Test::HasFailure()) return;
  const std::size_t skipped = log.size() > kPrintedLogBytes ? log.size() - kPrintedLogBytes : 0;
  std::cout << "--- log of " << name_ << (skipped > 0 ? " (its end)" : "") << "\n"
            << log.substr(skipped) << "--- end of the log of " << name_ << std::endl;
}

void Process::Start(const Program& program) {
  if (running()) throw LabError(name_ + " is running already");
  const int log = open(log_path_.c_str(), O_CREAT | O_APPEND | O_WRONLY | O_CLOEXEC, 0644);
  if (log < 0) ThrowErrno(log_path_);
  child_ = std::make_unique<Child>(program, log, log);
  close(log);
}

void Process::Signal(int signal) {
  if (child_ != nullptr) child_->Signal(signal);
}

void Process::Kill() {
  Signal(SIGKILL);
  Wait(absl::Seconds(10));
}

int Process::Stop(absl::Duration limit) {
  Signal(SIGTERM);
  const std::optional<int> exit_code = Wait(limit);
  if (exit_code) return *exit_code;
  Kill();
  throw LabError(name_ + " did not end within " + absl::FormatDuration(limit) + " of SIGTERM");
}

std::optional<int> Process::Wait(absl::Duration limit) {
  if (child_ == nullptr) throw LabError(name_ + " was never started");
  return child_->Wait(limit);
}

std::string Process::Log() const {
  std::ostringstream text;
  text << std::ifstream(log_path_).rdbuf();
  return text.str();
}

}  // namespace heddle::lab
