// The Internet checksum (RFC 1071): fast, since it reads every byte that is forwarded. Pure.
//
// Sums are of the bytes as they lie in memory, so a folded sum is stored as it is (StoreNative),
// and nothing is turned to another order. A sum may be of several pieces, each of which but the
// last has an even number of bytes; it has room for 4 GiB.
#pragma once

#include <cstdint>

#include "absl/types/span.h"

namespace heddle::node::forwarder {

std::uint64_t SumBytes(absl::Span<const std::uint8_t> bytes);
// The same on processors without AVX2; for tests and benchmarks.
std::uint64_t SumBytesPortably(absl::Span<const std::uint8_t> bytes);

// Carries added to the low 16 bits. 0xffff: the sum of something that contains its own right
// checksum.
inline std::uint16_t FoldSum(std::uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

// What goes into a header whose checksum was 0 when it was added to the sum.
inline std::uint16_t ChecksumOf(std::uint64_t sum) {
  return static_cast<std::uint16_t>(~FoldSum(sum));
}

// The same for UDP over IPv4 and IPv6, where 0 says that there is none.
inline std::uint16_t NonzeroChecksumOf(std::uint64_t sum) {
  const std::uint16_t checksum = ChecksumOf(sum);
  return checksum == 0 ? 0xffff : checksum;
}

// The checksum when one 16-bit word of what it covers changes (RFC 1624, equation 3). All three as
// they lie in memory.
inline std::uint16_t UpdateChecksum(std::uint16_t checksum, std::uint16_t from, std::uint16_t to) {
  return ChecksumOf(std::uint64_t{static_cast<std::uint16_t>(~checksum)} +
                    static_cast<std::uint16_t>(~from) + to);
}

}  // namespace heddle::node::forwarder
