// The Internet checksum, of which IPv4, TCP, UDP and ICMP have one each.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "base/ip.h"

namespace heddle::lab {

// RFC 1071, of one or two pieces one after the other; the first has an even length. 0 over bytes
// that have a right checksum in them.
std::uint16_t Checksum(absl::string_view bytes, absl::string_view more = "");

// What a checksum above IP also covers (RFC 9293, RFC 8200): addresses, length, protocol.
std::string PseudoHeader(const Ip& source, const Ip& destination, std::uint8_t protocol,
                         std::size_t bytes);

// Numbers in network order.
void Put16(std::uint16_t value, char* at);
std::uint16_t Get16(const char* at);

}  // namespace heddle::lab
