#include "tests/lab/icmp_echo.h"

#include <arpa/inet.h>
#include <linux/in6.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>

#include "absl/time/clock.h"
#include "tests/lab/checksum.h"
#include "tests/lab/error.h"
#include "tests/lab/socket_address.h"

namespace heddle::lab {
namespace {

// What differs between the families.
struct Protocol {
  int protocol, request_type, reply_type, ip_header_bytes;
  int level, discover_option, discover_value;
};
constexpr Protocol kProtocols[] = {
    {IPPROTO_ICMP, ICMP_ECHO, ICMP_ECHOREPLY, 20, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE},
    {IPPROTO_ICMPV6, ICMP6_ECHO_REQUEST, ICMP6_ECHO_REPLY, 40, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
     IPV6_PMTUDISC_PROBE}};

constexpr int kHeaderBytes = 8;  // type, code, checksum, id, sequence

const Protocol& ProtocolOf(const Ip& ip) { return kProtocols[static_cast<int>(ip.family())]; }

std::uint16_t NextId() {
  static std::atomic<std::uint16_t> next{1};
  return next++;
}

}  // namespace

IcmpEcho::IcmpEcho(const NetworkNamespace& netns, const Ip& destination)
    : destination_(destination), id_(NextId()) {
  const Protocol& protocol = ProtocolOf(destination);
  netns.Enter([&] {
    fd_ = socket(ToAddressFamily(destination.family()), SOCK_RAW | SOCK_CLOEXEC, protocol.protocol);
  });
  if (fd_ < 0) ThrowErrno("an ICMP socket in " + netns.name());
  setsockopt(fd_, protocol.level, protocol.discover_option, &protocol.discover_value,
             sizeof protocol.discover_value);
  const SocketAddress to = ToSocketAddress(destination, 0);
  // Connected: only packets from the destination arrive. Without a route yet, unconnected will do.
  if (connect(fd_, to.get(), to.length) != 0 && errno != ENETUNREACH && errno != EHOSTUNREACH) {
    ThrowErrno("connect an ICMP socket to " + destination.ToString());
  }
}

IcmpEcho::~IcmpEcho() { close(fd_); }

bool IcmpEcho::Send(std::uint16_t sequence, int packet_bytes) {
  const Protocol& protocol = ProtocolOf(destination_);
  std::string packet(
      static_cast<std::size_t>(std::max(packet_bytes - protocol.ip_header_bytes, kHeaderBytes)),
      '\0');
  packet[0] = static_cast<char>(protocol.request_type);
  Put16(id_, &packet[4]);
  Put16(sequence, &packet[6]);
  // The kernel does it for ICMPv6 only.
  if (destination_.family() == Family::kV4) Put16(Checksum(packet), &packet[2]);
  const SocketAddress to = ToSocketAddress(destination_, 0);
  return sendto(fd_, packet.data(), packet.size(), 0, to.get(), to.length) ==
         static_cast<ssize_t>(packet.size());
}

std::optional<std::uint16_t> IcmpEcho::Receive(absl::Duration limit) {
  const Protocol& protocol = ProtocolOf(destination_);
  const absl::Time deadline = absl::Now() + limit;
  while (true) {
    const absl::Duration left = std::max(deadline - absl::Now(), absl::ZeroDuration());
    pollfd waiting{fd_, POLLIN, 0};
    if (poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(left))) <= 0) return {};
    char buffer[65536];
    const ssize_t got = recv(fd_, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0) continue;  // an ICMP error about an earlier request
    // A raw IPv4 socket hands out the IP header too.
    const int skip = destination_.family() == Family::kV4 ? (buffer[0] & 0xf) * 4 : 0;
    if (got < skip + kHeaderBytes) continue;
    if (static_cast<std::uint8_t>(buffer[skip]) != protocol.reply_type) continue;
    if (Get16(buffer + skip + 4) == id_) return Get16(buffer + skip + 6);
  }
}

}  // namespace heddle::lab
