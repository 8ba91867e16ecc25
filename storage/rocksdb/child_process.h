// A child process of a test: its output in pipes, killed and reaped at the end at the latest.
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace heddle::storage {

class ChildProcess {
 public:
  explicit ChildProcess(std::vector<std::string> arguments) {
    int out[2], err[2];
    if (pipe(out) != 0 || pipe(err) != 0) {
      ADD_FAILURE() << "pipe: " << strerror(errno);
      return;
    }
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(out[1], STDOUT_FILENO);
      dup2(err[1], STDERR_FILENO);
      for (const int fd : {out[0], out[1], err[0], err[1]}) close(fd);
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(out[1]);
    close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }

  ~ChildProcess() {
    if (pid_ > 0) Kill();
    close(out_);
    close(err_);
  }

  void Kill() {
    kill(pid_, SIGKILL);
    Wait();
  }
  // The wait status.
  int Wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return status;
  }

  // Waits until something was written, and leaves it there. False when the process ended without.
  bool WaitForOutput() {
    pollfd ready{out_, POLLIN, 0};
    return poll(&ready, 1, /*timeout_ms=*/20'000) == 1 && (ready.revents & POLLIN) != 0;
  }
  // All that was written, until the process has ended.
  std::string ReadOutput() { return ReadAll(out_); }
  std::string ReadErrors() { return ReadAll(err_); }

 private:
  static std::string ReadAll(int fd) {
    std::string all;
    char buffer[4096];
    for (ssize_t count; (count = read(fd, buffer, sizeof(buffer))) > 0;) all.append(buffer, count);
    return all;
  }

  pid_t pid_ = -1;
  int out_ = -1, err_ = -1;
};

}  // namespace heddle::storage
