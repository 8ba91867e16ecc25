#include "tests/lab/udp_probe.h"

#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "absl/time/time.h"
#include "tests/lab/error.h"
#include "tests/lab/socket.h"
#include "tests/lab/socket_address.h"
#include "tests/lab/time_scale.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(1);

void SendTo(const Socket& socket, const SocketAddress& to) {
  // A filter that drops it says EPERM: that too means "does not arrive".
  if (sendto(socket.fd(), "probe", 5, 0, to.get(), to.length) < 0 && errno != EPERM) {
    ThrowErrno("send to " + ToIp(to).ToString());
  }
}

std::optional<SocketAddress> Receive(const Socket& socket) {
  pollfd waiting{socket.fd(), POLLIN, 0};
  if (poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(Scaled(kLimit)))) <= 0)
    return {};
  char buffer[64];
  SocketAddress from;
  if (recvfrom(socket.fd(), buffer, sizeof buffer, MSG_DONTWAIT, from.get(), &from.length) < 0) {
    return {};
  }
  return from;
}

int LinkIndex(const NetworkNamespace& netns, const char* link) {
  int index = 0;
  netns.Enter([&] { index = static_cast<int>(if_nametoindex(link)); });
  return index;
}

// Joins the group on the receiver and sends through the named link on the sender.
void SetUpMulticast(const Datagram& datagram, const Socket& sender, const Socket& receiver) {
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
  const int domain = ToAddressFamily(datagram.destination.family());
  const Socket receiver(datagram.to, domain, SOCK_DGRAM), sender(datagram.from, domain, SOCK_DGRAM);
  receiver.Bind(any, datagram.port);
  sender.Bind(datagram.source.value_or(any));
  if (datagram.destination.is_multicast()) SetUpMulticast(datagram, sender, receiver);
  SendTo(sender, ToSocketAddress(datagram.destination, datagram.port));
  const std::optional<SocketAddress> from = Receive(receiver);
  if (from) then(sender, receiver, *from);
}

}  // namespace

std::optional<Ip> SourceSeen(const Datagram& datagram) {
  std::optional<Ip> seen;
  Deliver(datagram,
          [&](const Socket&, const Socket&, const SocketAddress& from) { seen = ToIp(from); });
  return seen;
}

bool AnswerArrives(const Datagram& datagram) {
  bool arrived = false;
  Deliver(datagram, [&](const Socket& sender, const Socket& receiver, const SocketAddress& from) {
    SendTo(receiver, from);
    arrived = Receive(sender).has_value();
  });
  return arrived;
}

}  // namespace heddle::lab
