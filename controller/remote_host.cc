#include "controller/remote_host.h"

#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/ip.h"

namespace heddle::controller {
namespace {

constexpr int kOneHostIpv6 = 64;
constexpr int kMappedIpv4 = 0xffff;

}  // namespace

std::string RemoteHost(absl::string_view peer) {
  // Some releases of gRPC escape the brackets as in a URI.
  const std::string plain = absl::StrReplaceAll(peer, {{"%5B", "["}, {"%5D", "]"}});
  absl::string_view host = plain;
  if (!absl::ConsumePrefix(&host, "ipv4:") && !absl::ConsumePrefix(&host, "ipv6:")) return plain;
  host = host.substr(0, host.rfind(':'));
  absl::ConsumePrefix(&host, "[");
  absl::ConsumeSuffix(&host, "]");
  host = host.substr(0, host.find('%'));  // the zone of a link-local address
  const auto ip = Ip::Parse(host);
  if (!ip.ok()) return plain;
  if (ip->family() == Family::kV4) return ip->ToString();
  // A socket of both families has IPv4 so (RFC 4291, 2.5.5.2).
  if (ip->number() >> 32 == kMappedIpv4)
    return Ip(Family::kV4, ip->number() & 0xffffffff).ToString();
  return Prefix(*ip, kOneHostIpv6).ToString();
}

}  // namespace heddle::controller
