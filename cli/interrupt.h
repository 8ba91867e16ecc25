// A deed done once when the program is asked to end.
#pragma once

#include <functional>
#include <thread>

namespace heddle::cli {

// While it lives, SIGINT and SIGTERM run `deed` on a thread of its own instead of ending the
// program. At most one at a time in a process.
class OnInterrupt {
 public:
  explicit OnInterrupt(std::function<void()> deed);
  ~OnInterrupt();
  OnInterrupt(const OnInterrupt&) = delete;
  OnInterrupt& operator=(const OnInterrupt&) = delete;

 private:
  std::thread thread_;
};

}  // namespace heddle::cli
