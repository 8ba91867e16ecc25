#include "tests/lab/socket_address.h"

#include <cstring>
#include <string>

#include "absl/strings/string_view.h"
#include "tests/lab/error.h"

namespace heddle::lab {

SocketAddress ToSocketAddress(const Ip& ip, std::uint16_t port) {
  SocketAddress result;
  const std::string bytes = ip.ToBytes();
  if (ip.family() == Family::kV4) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    std::memcpy(&v4->sin_addr, bytes.data(), bytes.size());
    result.length = sizeof(sockaddr_in);
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    std::memcpy(&v6->sin6_addr, bytes.data(), bytes.size());
    result.length = sizeof(sockaddr_in6);
  }
  return result;
}

Ip ToIp(const SocketAddress& address) {
  absl::string_view bytes;
  if (address.storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
    bytes = absl::string_view(reinterpret_cast<const char*>(&v4->sin_addr), 4);
  } else {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
    bytes = absl::string_view(reinterpret_cast<const char*>(&v6->sin6_addr), 16);
  }
  const absl::StatusOr<Ip> ip = Ip::FromBytes(bytes);
  if (!ip.ok()) throw LabError(std::string(ip.status().message()));
  return *ip;
}

Ip ParseIp(const std::string& text) {
  const absl::StatusOr<Ip> ip = Ip::Parse(text);
  if (!ip.ok()) throw LabError(std::string(ip.status().message()));
  return *ip;
}

}  // namespace heddle::lab
