#include "cli/interrupt.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <utility>

namespace heddle::cli {
namespace {

// What is written into the eventfd; its counter adds up, so the highest bit set tells.
constexpr std::uint64_t kSignalled = 1ull << 32;
constexpr std::uint64_t kOver = 1;

// A handler may use nothing but this: a file descriptor, and write().
volatile std::sig_atomic_t wake_fd = -1;
struct sigaction old_interrupt, old_terminate;

void Wake(std::uint64_t reason) {
  const int saved_errno = errno;
  // The counter cannot overflow in a process's life, and nobody could be told of another failure.
  (void)!write(wake_fd, &reason, sizeof(reason));
  errno = saved_errno;
}

void OnSignal(int) { Wake(kSignalled); }

std::uint64_t WaitForWake() {
  std::uint64_t reasons = 0;
  while (read(wake_fd, &reasons, sizeof(reasons)) < 0 && errno == EINTR) {
  }
  return reasons;
}

}  // namespace

OnInterrupt::OnInterrupt(std::function<void()> deed) {
  wake_fd = eventfd(0, EFD_CLOEXEC);
  if (wake_fd < 0) std::abort();  // no file descriptor left at start: nothing would work
  thread_ = std::thread([deed = std::move(deed)] {
    if (WaitForWake() >= kSignalled) deed();
  });
  struct sigaction action {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &old_interrupt);
  sigaction(SIGTERM, &action, &old_terminate);
}

OnInterrupt::~OnInterrupt() {
  sigaction(SIGINT, &old_interrupt, nullptr);
  sigaction(SIGTERM, &old_terminate, nullptr);
  Wake(kOver);
  thread_.join();
  close(wake_fd);
  wake_fd = -1;
}

}  // namespace heddle::cli
