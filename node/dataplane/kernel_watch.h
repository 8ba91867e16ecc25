// The kernel's notifications as a hint: look again. What they say is not believed beyond that.
//
// An idle node sleeps on fd(). What the dataplane itself does raises no hint, so that a delta costs
// no look at the whole.
#pragma once

#include "absl/status/statusor.h"
#include "node/dataplane/netlink_endpoint.h"
#include "node/dataplane/watch_filter.h"

namespace heddle::node {

// Owned and called by one thread; of the network namespace of the thread that opened it.
class KernelWatch {
 public:
  // Subscribes to links, addresses, routes, neighbours, nexthops and nftables. An old kernel may
  // lack the last two: no hints of those then.
  static absl::StatusOr<KernelWatch> Open();

  KernelWatch(KernelWatch&& other) noexcept;
  KernelWatch& operator=(KernelWatch&& other) noexcept;
  ~KernelWatch();

  // Readable when there is something to drain, or when what was added is.
  int fd() const { return epoll_fd_; }
  // Waits for `fd`, too, which stays the caller's to look at.
  absl::Status Add(int fd);

  // Takes all that waits, without blocking. True: look again, for the kernel may differ from what
  // was applied, or notifications were lost. To be called when fd() is readable, and after each
  // Apply with its operations as `just_applied`.
  bool Drain(const WatchInterest& interest);

 private:
  KernelWatch() = default;

  absl::Status LearnLinks();
  // Whether a message waiting on the socket concerns us.
  template <typename Concerns>
  bool DrainSocket(const NetlinkEndpoint& endpoint, Concerns concerns);

  int epoll_fd_ = -1;
  NetlinkEndpoint route_, netfilter_;
  bool lost_ = false;  // notifications, and perhaps our links' indexes with them
  WatchFilter filter_;
  std::string buffer_;
};

}  // namespace heddle::node
