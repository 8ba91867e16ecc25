#include "node/dataplane/kernel_watch.h"

#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <initializer_list>
#include <utility>

#include "base/status_macros.h"
#include "node/dataplane/netlink_socket.h"

namespace heddle::node {
namespace {

// Room for the echo of some thousands of objects; what does not fit is a reason to look again.
constexpr int kSocketBufferBytes = 2 << 20;
constexpr std::size_t kReceiveBytes = 32 << 10;

// Opens the socket without blocking, and has `epoll_fd` wait for it.
absl::StatusOr<NetlinkEndpoint> Subscribe(int protocol, std::initializer_list<int> groups,
                                          int epoll_fd) {
  HEDDLE_ASSIGN_OR_RETURN(NetlinkEndpoint endpoint,
                          OpenNetlink(protocol, kSocketBufferBytes, groups));
  epoll_event readable{};
  readable.events = EPOLLIN;
  if (fcntl(FdOf(endpoint), F_SETFL, O_NONBLOCK) != 0 ||
      epoll_ctl(epoll_fd, EPOLL_CTL_ADD, FdOf(endpoint), &readable) != 0) {
    return absl::ErrnoToStatus(errno, "cannot wait for the kernel's notifications");
  }
  return endpoint;
}

}  // namespace

absl::StatusOr<KernelWatch> KernelWatch::Open() {
  KernelWatch watch;
  watch.epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  if (watch.epoll_fd_ < 0) return absl::ErrnoToStatus(errno, "cannot make an epoll descriptor");
  HEDDLE_ASSIGN_OR_RETURN(
      watch.route_,
      Subscribe(NETLINK_ROUTE,
                {RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
                 RTNLGRP_IPV6_ROUTE, RTNLGRP_NEIGH, RTNLGRP_NEXTHOP},
                watch.epoll_fd_));
  HEDDLE_ASSIGN_OR_RETURN(watch.netfilter_,
                          Subscribe(NETLINK_NETFILTER, {NFNLGRP_NFTABLES}, watch.epoll_fd_));
  HEDDLE_RETURN_IF_ERROR(watch.LearnLinks());
  return watch;
}

KernelWatch::KernelWatch(KernelWatch&& other) noexcept { *this = std::move(other); }

KernelWatch& KernelWatch::operator=(KernelWatch&& other) noexcept {
  std::swap(epoll_fd_, other.epoll_fd_);
  std::swap(route_, other.route_);
  std::swap(netfilter_, other.netfilter_);
  std::swap(lost_, other.lost_);
  std::swap(filter_, other.filter_);
  std::swap(buffer_, other.buffer_);
  return *this;
}

KernelWatch::~KernelWatch() {
  if (epoll_fd_ >= 0) close(epoll_fd_);
}

absl::Status KernelWatch::Add(int fd) {
  epoll_event readable{};
  readable.events = EPOLLIN;
  if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &readable) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, "cannot wait for one more descriptor");
}

absl::Status KernelWatch::LearnLinks() {
  HEDDLE_ASSIGN_OR_RETURN(NetlinkSocket socket, NetlinkSocket::Open(NETLINK_ROUTE));
  MessageBuilder request;
  EncodeLinkDump(&request);
  filter_.Reset();
  return socket.Dump(
      &request, [this] { filter_.Reset(); },
      [this](const Message& message) { filter_.ConcernsRoute(message); });
}

template <typename Concerns>
bool KernelWatch::DrainSocket(const NetlinkEndpoint& endpoint, Concerns concerns) {
  bool look_again = false;
  buffer_.resize(kReceiveBytes);
  while (true) {
    sockaddr_nl sender{};
    socklen_t size = sizeof(sender);
    const ssize_t n = recvfrom(FdOf(endpoint), &buffer_[0], buffer_.size(), MSG_TRUNC,
                               reinterpret_cast<sockaddr*>(&sender), &size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return look_again;
    if (n < 0 && errno == ENOBUFS) {
      lost_ = true;
      continue;
    }
    if (n < 0) return true;
    if (sender.nl_pid != 0) continue;  // another program's; only the kernel is believed
    if (static_cast<std::size_t>(n) > buffer_.size()) look_again = true;
    absl::string_view datagram(buffer_.data(),
                               std::min(static_cast<std::size_t>(n), buffer_.size()));
    while (const auto message = TakeMessage(&datagram)) {
      // Every message is shown to the filter: it learns from them.
      look_again = concerns(*message) || look_again;
    }
  }
}

bool KernelWatch::Drain(const WatchInterest& interest) {
  filter_.Start(interest);
  bool look_again = DrainSocket(
      route_, [this](const Message& message) { return filter_.ConcernsRoute(message); });
  look_again =
      DrainSocket(netfilter_,
                  [this](const Message& message) { return filter_.ConcernsNetfilter(message); }) ||
      look_again;
  filter_.Finish();
  if (!lost_) return look_again;
  // If the links cannot be learnt now, `lost_` stays and the next call tries again.
  lost_ = !LearnLinks().ok();
  return true;
}

}  // namespace heddle::node
