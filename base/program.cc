#include "base/program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"

extern char** environ;

namespace heddle {
namespace {

// How often the end is looked for where there are no pidfds.
constexpr absl::Duration kLookSpacing = absl::Milliseconds(10);

absl::Time MonotonicNow() {
  return absl::UnixEpoch() + absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

// Closes what it holds.
struct Fd {
  int number = -1;
  Fd() = default;
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (number >= 0) close(number);
  }
  int Release() { return std::exchange(number, -1); }
};

// The input is a file in memory rather than a pipe: a program that does not read it blocks nobody.
absl::Status MakeInput(absl::string_view content, Fd* file) {
  file->number = memfd_create("heddle-program", MFD_CLOEXEC);
  if (file->number < 0) return absl::ErrnoToStatus(errno, "cannot make a file in memory");
  if (write(file->number, content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
      lseek(file->number, 0, SEEK_SET) != 0) {
    return absl::ErrnoToStatus(errno, "cannot fill a file in memory");
  }
  return absl::OkStatus();
}

absl::Status MakePipe(Fd* read_end, Fd* write_end) {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "cannot make a pipe");
  read_end->number = fds[0];
  write_end->number = fds[1];
  fcntl(fds[0], F_SETFL, O_NONBLOCK);
  return absl::OkStatus();
}

absl::StatusOr<std::string> Find(const ProgramOptions& options) {
  if (options.words.empty() || options.words[0].empty()) {
    return absl::NotFoundError("no program is named");
  }
  const std::string& name = options.words[0];
  if (absl::StrContains(name, '/')) return name;
  for (absl::string_view folder : absl::StrSplit(options.path, ':', absl::SkipEmpty())) {
    std::string candidate = absl::StrCat(folder, "/", name);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return absl::NotFoundError(
      absl::StrCat("there is no program '", Excerpt(name), "' in ", Excerpt(options.path)));
}

std::vector<char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  for (const std::string& string : strings) pointers.push_back(const_cast<char*>(string.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

void ResetSignals(posix_spawnattr_t* attributes) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(attributes, &none);
  posix_spawnattr_setsigdefault(attributes, &all);
}

absl::StatusOr<pid_t> Spawn(const ProgramOptions& options, const int (&standard)[3]) {
  HEDDLE_ASSIGN_OR_RETURN(const std::string program, Find(options));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  absl::Cleanup destroy_actions = [&] { posix_spawn_file_actions_destroy(&actions); };
  for (int fd = 0; fd < 3; ++fd) posix_spawn_file_actions_adddup2(&actions, standard[fd], fd);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  absl::Cleanup destroy_attributes = [&] { posix_spawnattr_destroy(&attributes); };
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  ResetSignals(&attributes);
  const std::vector<char*> words = Pointers(options.words);
  std::vector<char*> own;
  if (options.environment) own = Pointers(*options.environment);
  pid_t pid;
  const int error = posix_spawn(&pid, program.c_str(), &actions, &attributes, words.data(),
                                options.environment ? own.data() : environ);
  if (error == 0) return pid;
  return absl::ErrnoToStatus(error, absl::StrCat("cannot start ", Excerpt(program)));
}

}  // namespace

std::string Excerpt(absl::string_view text, std::size_t limit) {
  text = absl::StripAsciiWhitespace(text);
  const bool is_long = text.size() > limit;
  // Quotation marks are what messages are full of, and harm nobody.
  const std::string escaped = absl::StrReplaceAll(absl::CEscape(text.substr(0, limit)),
                                                  {{"\\\\", "\\\\"}, {"\\'", "'"}, {"\\\"", "\""}});
  return absl::StrCat(escaped, is_long ? "..." : "");
}

absl::Status ProgramEnd::status() const {
  if (!is_timed_out && WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) {
    return absl::OkStatus();
  }
  std::string text;
  if (is_timed_out) {
    text = absl::StrCat("it did not end in ", absl::FormatDuration(time_limit), " and was killed");
  } else if (WIFSIGNALED(wait_status)) {
    text = absl::StrCat("it was ended by signal ", WTERMSIG(wait_status), ", ",
                        strsignal(WTERMSIG(wait_status)));
  } else {
    text = absl::StrCat("it exited with ", WEXITSTATUS(wait_status));
  }
  const std::string words = Excerpt(absl::StripAsciiWhitespace(errors).empty() ? output : errors);
  if (!words.empty()) absl::StrAppend(&text, ", saying: ", words);
  return is_timed_out ? absl::DeadlineExceededError(text) : absl::InternalError(text);
}

absl::StatusOr<Program> Program::Start(const ProgramOptions& options) {
  Fd input, output_read, output_write, errors_read, errors_write;
  HEDDLE_RETURN_IF_ERROR(MakeInput(options.input, &input));
  HEDDLE_RETURN_IF_ERROR(MakePipe(&output_read, &output_write));
  HEDDLE_RETURN_IF_ERROR(MakePipe(&errors_read, &errors_write));
  const int standard[] = {input.number, output_write.number, errors_write.number};
  HEDDLE_ASSIGN_OR_RETURN(const pid_t pid, Spawn(options, standard));
  Program program(pid, options);
  program.pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  program.output_.fd = output_read.Release();
  program.errors_.fd = errors_read.Release();
  program.deadline_ = MonotonicNow() + options.time_limit;
  program.end_.time_limit = options.time_limit;
  return program;
}

Program::Program(Program&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::exchange(other.pidfd_, -1)),
      kept_bytes_(other.kept_bytes_),
      output_{std::exchange(other.output_.fd, -1), std::move(other.output_.kept)},
      errors_{std::exchange(other.errors_.fd, -1), std::move(other.errors_.kept)},
      deadline_(other.deadline_),
      end_(std::move(other.end_)) {}

Program::~Program() {
  if (pid_ > 0) {
    Signal(SIGKILL);
    while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  for (int fd : {pidfd_, output_.fd, errors_.fd}) {
    if (fd >= 0) close(fd);
  }
}

// Only while the program is not yet waited for: its number is nobody else's until then.
void Program::Signal(int signal) {
  if (pid_ > 0) kill(-pid_, signal);
}

void Program::Drain(Pipe* pipe) {
  char chunk[16 << 10];
  ssize_t count;
  // Bounded: a program that floods us does not keep us from looking at the clock.
  for (int reads = 0; reads < 16 && pipe->fd >= 0; ++reads) {
    count = read(pipe->fd, chunk, sizeof(chunk));
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
      close(std::exchange(pipe->fd, -1));
      return;
    }
    const std::size_t room = kept_bytes_ - pipe->kept.size();
    const std::size_t taken = std::min(room, static_cast<std::size_t>(count));
    pipe->kept.append(chunk, taken);
    if (taken < static_cast<std::size_t>(count)) end_.is_cut = true;
  }
}

std::optional<ProgramEnd> Program::Poll(absl::Duration wait) {
  wait = std::min(wait, deadline_ - MonotonicNow());
  if (pidfd_ < 0) wait = std::min(wait, kLookSpacing);
  // Negative numbers are left aside by poll(2).
  std::array<pollfd, 3> fds = {
      {{pidfd_, POLLIN, 0}, {output_.fd, POLLIN, 0}, {errors_.fd, POLLIN, 0}}};
  const auto wait_ms = absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1)));
  poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(0, wait_ms)));
  if (!end_.is_timed_out && MonotonicNow() >= deadline_) {
    Signal(SIGKILL);
    end_.is_timed_out = true;
  }
  const pid_t ended = waitpid(pid_, &end_.wait_status, end_.is_timed_out ? 0 : WNOHANG);
  for (Pipe* pipe : {&output_, &errors_}) Drain(pipe);
  if (ended != pid_) return std::nullopt;
  pid_ = -1;
  end_.output = std::move(output_.kept);
  end_.errors = std::move(errors_.kept);
  return std::move(end_);
}

absl::StatusOr<ProgramEnd> RunProgram(const ProgramOptions& options) {
  HEDDLE_ASSIGN_OR_RETURN(Program program, Program::Start(options));
  for (;;) {
    std::optional<ProgramEnd> end = program.Poll(absl::Seconds(1));
    if (end) return *std::move(end);
  }
}

}  // namespace heddle
