// IP packets made byte by byte, for what no kernel would send.
#pragma once

#include <cstdint>
#include <string>

#include "base/ip.h"

namespace heddle::lab {

struct IpPacket {
  Ip source, destination;       // of one family
  std::uint8_t protocol = 253;  // for experiments (RFC 3692)
  std::uint8_t hop_limit = 64;
  std::string payload = std::string(64, 'x');
};

// The whole packet, with a right IPv4 header checksum.
std::string ToBytes(const IpPacket& packet);

}  // namespace heddle::lab
