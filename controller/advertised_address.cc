#include "controller/advertised_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/host_name.h"

namespace heddle::controller {
namespace {

// From the documentation ranges: routed by the default route and by no other.
constexpr char kAnywhereIpv4[] = "192.0.2.1";
constexpr char kAnywhereIpv6[] = "2001:db8::1";

// Connecting a UDP socket chooses the source address and sends nothing.
template <typename Address>
bool ReadSource(Address* address) {
  auto* generic = reinterpret_cast<sockaddr*>(address);
  const int fd = socket(generic->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  socklen_t length = sizeof(Address);
  const bool is_read =
      connect(fd, generic, sizeof(Address)) == 0 && getsockname(fd, generic, &length) == 0;
  close(fd);
  return is_read;
}

std::string SourceIpv4() {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);
  inet_pton(AF_INET, kAnywhereIpv4, &address.sin_addr);
  char text[INET_ADDRSTRLEN] = "";
  if (!ReadSource(&address)) return "";
  inet_ntop(AF_INET, &address.sin_addr, text, sizeof(text));
  return text;
}

std::string SourceIpv6() {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(9);
  inet_pton(AF_INET6, kAnywhereIpv6, &address.sin6_addr);
  char text[INET6_ADDRSTRLEN] = "";
  if (!ReadSource(&address)) return "";
  inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof(text));
  return text;
}

bool IsAllIpv4(absl::string_view listen) { return absl::StartsWith(listen, "0.0.0.0:"); }
bool IsAllIpv6(absl::string_view listen) { return absl::StartsWith(listen, "[::]:"); }

}  // namespace

HostAddresses ReadHostAddresses() { return {SourceIpv4(), SourceIpv6(), HostName()}; }

std::string AdvertisedAddress(const std::vector<std::string>& listen, const HostAddresses& host) {
  for (const std::string& address : listen) {
    if (!IsAllIpv4(address) && !IsAllIpv6(address)) return address;
  }
  const std::string& first = listen.front();
  const std::string port = first.substr(first.rfind(':'));
  // [::] takes IPv4, too.
  if (!host.ipv4.empty()) return host.ipv4 + port;
  if (IsAllIpv6(first) && !host.ipv6.empty()) return absl::StrCat("[", host.ipv6, "]", port);
  return host.name + port;
}

}  // namespace heddle::controller
