#include "tests/lab/icmp_answer.h"

#include <linux/errqueue.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>
#include <string>

#include "tests/lab/error.h"
#include "tests/lab/socket.h"
#include "tests/lab/time_scale.h"

namespace heddle::lab {
namespace {

// What differs between the families.
struct Options {
  int level, hop_limit, discover, probe, errors, errors_message, header_bytes;
};
constexpr Options kOptions[] = {
    {IPPROTO_IP, IP_TTL, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE, IP_RECVERR, IP_RECVERR, 28},
    {IPPROTO_IPV6, IPV6_UNICAST_HOPS, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE, IPV6_RECVERR,
     IPV6_RECVERR, 48}};

std::optional<IcmpAnswer> ReadAnswer(const Socket& socket, const Options& options) {
  char bytes[2048];
  iovec quoted{bytes, sizeof bytes};
  alignas(cmsghdr) char control[512];
  msghdr message{nullptr, 0, &quoted, 1, control, sizeof control, 0};
  if (recvmsg(socket.fd(), &message, MSG_ERRQUEUE) < 0) return {};
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
       part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != options.level || part->cmsg_type != options.errors_message) continue;
    auto* error = reinterpret_cast<sock_extended_err*>(CMSG_DATA(part));
    if (error->ee_origin == SO_EE_ORIGIN_LOCAL) continue;
    SocketAddress offender;
    std::memcpy(offender.get(), SO_EE_OFFENDER(error),
                options.level == IPPROTO_IP ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
    return IcmpAnswer{ToIp(offender), error->ee_type, error->ee_code, error->ee_info};
  }
  return {};
}

}  // namespace

std::optional<IcmpAnswer> AnswerTo(const Probe& probe, const NetworkNamespace& from,
                                   absl::Duration limit) {
  const Options& options = kOptions[static_cast<int>(probe.destination.family())];
  const Socket socket(from, ToAddressFamily(probe.destination.family()), SOCK_DGRAM);
  socket.Set(options.level, options.hop_limit, probe.hop_limit);
  socket.Set(options.level, options.discover, options.probe);
  socket.Set(options.level, options.errors, 1);
  const SocketAddress to = ToSocketAddress(probe.destination, probe.port);
  const std::string payload(static_cast<std::size_t>(probe.packet_bytes - options.header_bytes),
                            'p');
  if (sendto(socket.fd(), payload.data(), payload.size(), 0, to.get(), to.length) < 0) {
    ThrowErrno(from.name() + " sends to " + probe.destination.ToString());
  }
  pollfd waiting{socket.fd(), 0, 0};  // POLLERR always counts
  if (poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(Scaled(limit)))) <= 0) return {};
  return ReadAnswer(socket, options);
}

}  // namespace heddle::lab
