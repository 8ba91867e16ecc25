#include "base/socket_address.h"

#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <string.h>

#include "absl/numeric/int128.h"

namespace heddle {

SocketAddress ToSocketAddress(const Ip& ip, std::uint16_t port) {
  SocketAddress address;
  if (ip.family() == Family::kV4) {
    auto* in = reinterpret_cast<sockaddr_in*>(&address.storage);
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    in->sin_addr.s_addr = htonl(static_cast<std::uint32_t>(ip.number()));
    address.length = sizeof(*in);
  } else {
    auto* in = reinterpret_cast<sockaddr_in6*>(&address.storage);
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(port);
    const std::uint64_t halves[] = {htobe64(absl::Uint128High64(ip.number())),
                                    htobe64(absl::Uint128Low64(ip.number()))};
    static_assert(sizeof(halves) == sizeof(in->sin6_addr));
    memcpy(&in->sin6_addr, halves, sizeof(halves));
    address.length = sizeof(*in);
  }
  return address;
}

std::optional<Ip> ToIp(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    return Ip(Family::kV4, ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr));
  }
  if (address->sa_family == AF_INET6) {
    std::uint64_t halves[2];
    memcpy(halves, &reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr, sizeof(halves));
    return Ip(Family::kV6, absl::MakeUint128(be64toh(halves[0]), be64toh(halves[1])));
  }
  return std::nullopt;
}

std::uint16_t PortOf(const SocketAddress& address) {
  // The port stands at the same place in both.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
}

}  // namespace heddle
