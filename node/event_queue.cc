#include "node/event_queue.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <utility>

#include "spdlog/spdlog.h"

namespace heddle::node {

EventQueue::EventQueue() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (fd_ < 0) {
    spdlog::critical("cannot make an eventfd: {}; raise the limit of open files (ulimit -n)",
                     strerror(errno));
    std::abort();
  }
}

EventQueue::~EventQueue() { close(fd_); }

void EventQueue::Post(SessionEvent event) {
  if (!mailbox_.Post(std::move(event))) {
    spdlog::error("the agent's mailbox is full; the stream will be begun anew");
    return;
  }
  const std::uint64_t one = 1;
  // Fails only when the counter is at its maximum, and then the descriptor is readable already.
  [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof(one));
}

std::deque<SessionEvent> EventQueue::TakeAll() {
  std::uint64_t count = 0;
  // Nothing to read is no error: the mailbox is the truth.
  [[maybe_unused]] const ssize_t got = read(fd_, &count, sizeof(count));
  return mailbox_.TakeAll(absl::ZeroDuration());
}

}  // namespace heddle::node
