// An address and port as the socket interface wants them, for either family. Pure; no memory is
// taken, so it is fit for each packet.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>

#include "base/ip.h"

namespace heddle {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress ToSocketAddress(const Ip& ip, std::uint16_t port);
// Nothing when it is of another family.
std::optional<Ip> ToIp(const sockaddr* address);
inline std::optional<Ip> ToIp(const SocketAddress& address) {
  return ToIp(reinterpret_cast<const sockaddr*>(&address.storage));
}
std::uint16_t PortOf(const SocketAddress& address);

}  // namespace heddle
