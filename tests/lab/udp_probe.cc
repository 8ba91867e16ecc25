#include "tests/lab/udp_probe.h"

#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/time/time.h"
#include "tests/lab/error.h"
#include "tests/lab/socket_address.h"
#include "tests/lab/time_scale.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(1);

// A UDP socket of one namespace.
class UdpSocket {
 public:
  UdpSocket(const NetworkNamespace& netns, const Ip& bound, std::uint16_t port) {
    netns.Enter([&] {
      fd_ = socket(ToAddressFamily(bound.family()), SOCK_DGRAM | SOCK_CLOEXEC, 0);
      if (fd_ < 0) ThrowErrno("a UDP socket in " + netns.name());
      const SocketAddress address = ToSocketAddress(bound, port);
      if (bind(fd_, address.get(), address.length) != 0) {
        ThrowErrno("bind " + bound.ToString() + " in " + netns.name());
      }
    });
  }
  ~UdpSocket() { close(fd_); }
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;

  int fd() const { return fd_; }

  void SendTo(const SocketAddress& to) {
    // A filter that drops it says EPERM: that too means "does not arrive".
    if (sendto(fd_, "probe", 5, 0, to.get(), to.length) < 0 && errno != EPERM) {
      ThrowErrno("send to " + ToIp(to).ToString());
    }
  }

  std::optional<SocketAddress> Receive() {
    pollfd waiting{fd_, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(Scaled(kLimit)))) <= 0)
      return {};
    char buffer[64];
    SocketAddress from;
    if (recvfrom(fd_, buffer, sizeof buffer, MSG_DONTWAIT, from.get(), &from.length) < 0) return {};
    return from;
  }

 private:
  int fd_ = -1;
};

int LinkIndex(const NetworkNamespace& netns, const char* link) {
  int index = 0;
  netns.Enter([&] { index = static_cast<int>(if_nametoindex(link)); });
  return index;
}

// Joins the group on the receiver and sends through the named link on the sender.
void SetUpMulticast(const Datagram& datagram, const UdpSocket& sender, const UdpSocket& receiver) {
  group_req join{};
  join.gr_interface = static_cast<std::uint32_t>(LinkIndex(datagram.to, datagram.multicast_link));
  join.gr_group = ToSocketAddress(datagram.destination, 0).storage;
  const bool v4 = datagram.destination.family() == Family::kV4;
  if (setsockopt(receiver.fd(), v4 ? IPPROTO_IP : IPPROTO_IPV6, MCAST_JOIN_GROUP, &join,
                 sizeof join) != 0) {
    ThrowErrno("join " + datagram.destination.ToString());
  }
  const int index = LinkIndex(datagram.from, datagram.multicast_link);
  ip_mreqn v4_link{};
  v4_link.imr_ifindex = index;
  const int result =
      v4 ? setsockopt(sender.fd(), IPPROTO_IP, IP_MULTICAST_IF, &v4_link, sizeof v4_link)
         : setsockopt(sender.fd(), IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof index);
  if (result != 0) ThrowErrno("send multicast through " + std::string(datagram.multicast_link));
}

// Sends it; if it arrives, calls then(sender, receiver, source address seen).
template <typename Then>
void Deliver(const Datagram& datagram, Then&& then) {
  const Ip any(datagram.destination.family(), 0);
  UdpSocket receiver(datagram.to, any, datagram.port);
  UdpSocket sender(datagram.from, datagram.source.value_or(any), 0);
  if (datagram.destination.is_multicast()) SetUpMulticast(datagram, sender, receiver);
  sender.SendTo(ToSocketAddress(datagram.destination, datagram.port));
  const std::optional<SocketAddress> from = receiver.Receive();
  if (from) then(sender, receiver, *from);
}

}  // namespace

std::optional<Ip> SourceSeen(const Datagram& datagram) {
  std::optional<Ip> seen;
  Deliver(datagram, [&](UdpSocket&, UdpSocket&, const SocketAddress& from) { seen = ToIp(from); });
  return seen;
}

bool AnswerArrives(const Datagram& datagram) {
  bool arrived = false;
  Deliver(datagram, [&](UdpSocket& sender, UdpSocket& receiver, const SocketAddress& from) {
    receiver.SendTo(from);
    arrived = sender.Receive().has_value();
  });
  return arrived;
}

}  // namespace heddle::lab
