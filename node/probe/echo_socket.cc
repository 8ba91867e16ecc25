#include "node/probe/echo_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/icmp.h>
#include <linux/in6.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/socket_address.h"
#include "base/status_macros.h"

namespace heddle::node {
namespace {

// Answers of full size, for a burst of peers; more would only wait to be late.
constexpr int kReceiveBufferBytes = 256 << 10;

absl::Status FromErrno(int error) { return absl::ErrnoToStatus(error, strerror(error)); }

// The reason alone, without the name that ErrnoToStatus adds.
absl::Status Reason(int error) {
  return absl::Status(absl::ErrnoToStatusCode(error), strerror(error));
}

absl::Status Set(int fd, int level, int option, const void* value, socklen_t size) {
  return setsockopt(fd, level, option, value, size) == 0 ? absl::OkStatus() : FromErrno(errno);
}
absl::Status Set(int fd, int level, int option, int value) {
  return Set(fd, level, option, &value, sizeof(value));
}

// Room for one control message of any kind used here.
union ControlBuffer {
  cmsghdr header;  // for its alignment
  char bytes[128];
};

void SetSource(const Ip& from, msghdr* message) {
  const std::string bytes = from.ToBytes();
  const auto put = [&](int level, int type, const auto& info) {
    cmsghdr* control = CMSG_FIRSTHDR(message);
    control->cmsg_level = level;
    control->cmsg_type = type;
    control->cmsg_len = CMSG_LEN(sizeof(info));
    memcpy(CMSG_DATA(control), &info, sizeof(info));
    message->msg_controllen = CMSG_SPACE(sizeof(info));
  };
  if (from.family() == Family::kV4) {
    in_pktinfo info{};
    memcpy(&info.ipi_spec_dst, bytes.data(), bytes.size());
    put(IPPROTO_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    memcpy(&info.ipi6_addr, bytes.data(), bytes.size());
    put(IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
}

absl::Time ReceivedAt(msghdr* message) {
  for (cmsghdr* control = CMSG_FIRSTHDR(message); control != nullptr;
       control = CMSG_NXTHDR(message, control)) {
    timespec at;
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_TIMESTAMPNS) continue;
    memcpy(&at, CMSG_DATA(control), sizeof(at));
    return absl::TimeFromTimespec(at);
  }
  return absl::Now();
}

}  // namespace

absl::StatusOr<EchoSocket> EchoSocket::Open(Family family) {
  const int domain = ToAddressFamily(family);
  const int protocol = family == Family::kV4 ? static_cast<int>(IPPROTO_ICMP) : IPPROTO_ICMPV6;
  constexpr int kFlags = SOCK_CLOEXEC | SOCK_NONBLOCK;
  const auto id = static_cast<std::uint16_t>(std::random_device()());
  int fd = socket(domain, SOCK_RAW | kFlags, protocol);
  const bool is_raw = fd >= 0;
  if (!is_raw && errno == EPERM) fd = socket(domain, SOCK_DGRAM | kFlags, protocol);
  if (fd < 0 && (errno == EPERM || errno == EACCES)) {
    return absl::PermissionDeniedError(absl::StrCat(
        "cannot probe peers: ICMP sockets are not allowed. Give heddle-node CAP_NET_RAW, or its "
        "group a place in net.ipv4.ping_group_range"));
  }
  if (fd < 0) {
    return absl::UnavailableError(absl::StrCat("cannot probe peers: no ", FamilyName(family),
                                               " ICMP socket: ", strerror(errno)));
  }
  EchoSocket opened(family, fd, is_raw, id);
  HEDDLE_RETURN_IF_ERROR(opened.Configure());
  if (!is_raw) HEDDLE_RETURN_IF_ERROR(opened.TakeId());
  return opened;
}

absl::Status EchoSocket::Configure() {
  HEDDLE_RETURN_IF_ERROR(Set(fd_, SOL_SOCKET, SO_TIMESTAMPNS, 1));
  HEDDLE_RETURN_IF_ERROR(Set(fd_, SOL_SOCKET, SO_RCVBUF, kReceiveBufferBytes));
  if (family_ == Family::kV4) {
    // Don't fragment, and don't believe what others told of the path.
    HEDDLE_RETURN_IF_ERROR(Set(fd_, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE));
    const icmp_filter answers{~(1u << ICMP_ECHOREPLY)};
    return is_raw_ ? Set(fd_, SOL_RAW, ICMP_FILTER, &answers, sizeof(answers)) : absl::OkStatus();
  }
  HEDDLE_RETURN_IF_ERROR(Set(fd_, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE));
  HEDDLE_RETURN_IF_ERROR(Set(fd_, IPPROTO_IPV6, IPV6_DONTFRAG, 1));
  if (!is_raw_) return absl::OkStatus();
  icmp6_filter answers;
  ICMP6_FILTER_SETBLOCKALL(&answers);
  ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &answers);
  return Set(fd_, IPPROTO_ICMPV6, ICMP6_FILTER, &answers, sizeof(answers));
}

// A ping socket's id is its port, which the kernel chooses.
absl::Status EchoSocket::TakeId() {
  SocketAddress own = ToSocketAddress(Ip(family_, 0), 0);
  if (bind(fd_, own.get(), own.length) != 0 || getsockname(fd_, own.get(), &own.length) != 0) {
    return FromErrno(errno);
  }
  id_ = PortOf(own);
  return absl::OkStatus();
}

EchoSocket::EchoSocket(EchoSocket&& other) noexcept
    : family_(other.family_),
      fd_(std::exchange(other.fd_, -1)),
      is_raw_(other.is_raw_),
      id_(other.id_) {}

EchoSocket::~EchoSocket() {
  if (fd_ >= 0) close(fd_);
}

absl::Status EchoSocket::Send(const Ip& from, const Ip& to, std::uint64_t token, int packet_bytes) {
  std::string icmp = EchoRequest(family_, {id_, token}, packet_bytes);
  SocketAddress address = ToSocketAddress(to, 0);
  ControlBuffer control{};
  iovec content{icmp.data(), icmp.size()};
  msghdr message{};
  message.msg_name = address.get();
  message.msg_namelen = address.length;
  message.msg_iov = &content;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof(control.bytes);
  SetSource(from, &message);
  return sendmsg(fd_, &message, 0) >= 0 ? absl::OkStatus() : Reason(errno);
}

std::optional<EchoSocket::Answer> EchoSocket::Receive() {
  // The IP header with options, and what an answer is known by; the rest is cut.
  char bytes[128];
  while (true) {
    SocketAddress address;
    ControlBuffer control{};
    iovec content{bytes, sizeof(bytes)};
    msghdr message{};
    message.msg_name = address.get();
    message.msg_namelen = address.length;
    message.msg_iov = &content;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof(control.bytes);
    const ssize_t got = recvmsg(fd_, &message, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    const bool with_header = is_raw_ && family_ == Family::kV4;
    const auto tag = ParseEchoReply(family_, with_header, {bytes, static_cast<std::size_t>(got)});
    const auto from = ToIp(address);
    if (!tag || !from || (is_raw_ && tag->id != id_)) continue;
    return Answer{*from, tag->token, ReceivedAt(&message)};
  }
}

}  // namespace heddle::node
