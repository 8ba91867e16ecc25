#include "tests/lab/checksum.h"

#include <string>

namespace heddle::lab {
namespace {

std::uint32_t Sum(absl::string_view bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += static_cast<std::uint32_t>(static_cast<std::uint8_t>(bytes[i])) << (i % 2 == 0 ? 8 : 0);
  }
  return sum;
}

}  // namespace

// 64 KiB of words do not overflow 32 bits.
std::uint16_t Checksum(absl::string_view bytes, absl::string_view more) {
  std::uint32_t sum = Sum(bytes) + Sum(more);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

// The same sum for both families: IPv4's has two length bytes and IPv6's four, of which two are 0.
std::string PseudoHeader(const Ip& source, const Ip& destination, std::uint8_t protocol,
                         std::size_t bytes) {
  std::string header = source.ToBytes() + destination.ToBytes() + std::string(4, '\0');
  Put16(static_cast<std::uint16_t>(bytes), &header[header.size() - 4]);
  header.back() = static_cast<char>(protocol);
  return header;
}

void Put16(std::uint16_t value, char* at) {
  at[0] = static_cast<char>(value >> 8);
  at[1] = static_cast<char>(value);
}

std::uint16_t Get16(const char* at) {
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>(at[0]) << 8 |
                                    static_cast<std::uint8_t>(at[1]));
}

}  // namespace heddle::lab
