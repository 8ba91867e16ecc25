#include "node/probe/socket_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <string>

namespace heddle::node {

SocketAddress ToSocketAddress(const Ip& ip, std::uint16_t port) {
  SocketAddress address;
  const std::string bytes = ip.ToBytes();
  if (ip.family() == Family::kV4) {
    auto* in = reinterpret_cast<sockaddr_in*>(&address.storage);
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    memcpy(&in->sin_addr, bytes.data(), bytes.size());
    address.length = sizeof(*in);
  } else {
    auto* in = reinterpret_cast<sockaddr_in6*>(&address.storage);
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(port);
    memcpy(&in->sin6_addr, bytes.data(), bytes.size());
    address.length = sizeof(*in);
  }
  return address;
}

std::optional<Ip> ToIp(const SocketAddress& address) {
  const void* bytes = nullptr;
  std::size_t size = 0;
  if (address.storage.ss_family == AF_INET) {
    bytes = &reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_addr;
    size = sizeof(in_addr);
  } else if (address.storage.ss_family == AF_INET6) {
    bytes = &reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr;
    size = sizeof(in6_addr);
  }
  const auto ip = Ip::FromBytes({static_cast<const char*>(bytes), size});
  return ip.ok() ? std::optional<Ip>(*ip) : std::nullopt;
}

std::uint16_t PortOf(const SocketAddress& address) {
  // The port stands at the same place in both.
  return ntohs(reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port);
}

}  // namespace heddle::node
