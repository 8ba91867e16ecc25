// Descriptors that a thread waits for (epoll, level-triggered), and a way to wake it.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "node/dataplane/forwarder/descriptor.h"

namespace heddle::node::forwarder {

// Used by one thread, but for Wake().
class EventSet {
 public:
  struct Event {
    std::uint32_t tag;
    bool has_failed;  // EPOLLERR or EPOLLHUP, which no one can be without
  };

  // Ends the program when the kernel has no descriptors left for it.
  EventSet();

  // Tells of `fd` by `tag` whenever there is something to read.
  void Add(int fd, std::uint32_t tag);
  void Remove(int fd);
  // Only of failures, or of what there is to read, too.
  void Pause(int fd, std::uint32_t tag);
  void Continue(int fd, std::uint32_t tag);

  // What happened, at most `limit` later; nothing: the time has passed, Wake() was
  // called, or a signal came.
  absl::Span<const Event> Wait(absl::Duration limit);
  // From any thread.
  void Wake();

 private:
  void Control(int operation, int fd, std::uint32_t events, std::uint32_t tag);

  Descriptor epoll_, wake_;
  std::vector<Event> events_;
};

}  // namespace heddle::node::forwarder
