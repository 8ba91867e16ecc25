// An address and port as the socket interface wants them, for either family.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "base/ip.h"

namespace heddle::lab {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = sizeof(sockaddr_storage);

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress ToSocketAddress(const Ip& ip, std::uint16_t port);
// Throws LabError unless it is an IPv4 or IPv6 address.
Ip ToIp(const SocketAddress& address);
// What `text` says; throws LabError if it is no address.
Ip ParseIp(const std::string& text);

}  // namespace heddle::lab
