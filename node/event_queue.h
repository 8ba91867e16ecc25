// The agent's mailbox as a file descriptor: many threads post, the agent polls and takes.
#pragma once

#include <deque>

#include "absl/status/statusor.h"
#include "base/mailbox.h"
#include "node/session.h"

namespace heddle::node {

class EventQueue {
 public:
  // Aborts the process when the kernel has no file descriptor left: nothing works without one.
  EventQueue();
  ~EventQueue();
  EventQueue(const EventQueue&) = delete;
  EventQueue& operator=(const EventQueue&) = delete;

  // Thread-safe. A session has at most a handful of events under way, so the bound is never met by
  // one that works; beyond it events are lost, and with them the stream, which then falls silent.
  void Post(SessionEvent event);

  // Readable while something waits. For poll(2).
  int fd() const { return fd_; }
  std::deque<SessionEvent> TakeAll();

 private:
  Mailbox<SessionEvent> mailbox_{256};
  int fd_ = -1;
};

}  // namespace heddle::node
