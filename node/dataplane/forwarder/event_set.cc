#include "node/dataplane/forwarder/event_set.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "spdlog/spdlog.h"

namespace heddle::node::forwarder {
namespace {

constexpr std::uint32_t kWakeTag = UINT32_MAX;
constexpr int kMaxEvents = 16;

// Without these a worker cannot work, and there is nothing to fall back on.
int Required(int result, const char* what) {
  if (result >= 0) return result;
  spdlog::critical("heddle-forwarder cannot go on: {}: {}", what, strerror(errno));
  _exit(1);  // other threads are at work: nothing may be taken apart under them
}

}  // namespace

EventSet::EventSet()
    : epoll_(Required(epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      wake_(Required(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), "eventfd")) {
  Add(wake_.get(), kWakeTag);
}

void EventSet::Control(int operation, int fd, std::uint32_t events, std::uint32_t tag) {
  epoll_event event{};
  event.events = events;
  event.data.u32 = tag;
  Required(epoll_ctl(epoll_.get(), operation, fd, &event), "epoll_ctl");
}

void EventSet::Add(int fd, std::uint32_t tag) { Control(EPOLL_CTL_ADD, fd, EPOLLIN, tag); }
void EventSet::Remove(int fd) { Control(EPOLL_CTL_DEL, fd, 0, 0); }
void EventSet::Pause(int fd, std::uint32_t tag) { Control(EPOLL_CTL_MOD, fd, 0, tag); }
void EventSet::Continue(int fd, std::uint32_t tag) { Control(EPOLL_CTL_MOD, fd, EPOLLIN, tag); }

absl::Span<const EventSet::Event> EventSet::Wait(absl::Duration limit) {
  epoll_event happened[kMaxEvents];
  const double milliseconds = std::ceil(absl::ToDoubleMilliseconds(limit));
  const int timeout =
      limit == absl::InfiniteDuration() ? -1 : static_cast<int>(std::min(milliseconds, 1e9));
  const int count = epoll_wait(epoll_.get(), happened, kMaxEvents, timeout);
  events_.clear();
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = happened[i];
    if (event.data.u32 != kWakeTag) {
      events_.push_back({event.data.u32, (event.events & (EPOLLERR | EPOLLHUP)) != 0});
      continue;
    }
    std::uint64_t wakes;
    // Fails only if somebody else has read it, and then it is as good.
    (void)!read(wake_.get(), &wakes, sizeof(wakes));
  }
  return events_;
}

void EventSet::Wake() {
  const std::uint64_t once = 1;
  // Fails only if the count is full, and then it wakes as well.
  (void)!write(wake_.get(), &once, sizeof(once));
}

}  // namespace heddle::node::forwarder
