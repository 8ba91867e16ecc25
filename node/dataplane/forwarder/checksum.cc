#include "node/dataplane/forwarder/checksum.h"

#include <cstddef>

#include "node/dataplane/forwarder/byte_order.h"

namespace heddle::node::forwarder {
namespace {

// Four sums of 64 bits at once. In such a lane, the halves of 2^32 words have room.
typedef std::uint64_t Lanes __attribute__((vector_size(32)));
constexpr std::size_t kBlockBytes = 2 * sizeof(Lanes);

__attribute__((always_inline)) inline std::uint64_t SumBlocks(const std::uint8_t* at,
                                                              std::size_t blocks) {
  Lanes low = {}, high = {};
  for (; blocks > 0; --blocks, at += kBlockBytes) {
    Lanes a, b;
    std::memcpy(&a, at, sizeof(a));
    std::memcpy(&b, at + sizeof(a), sizeof(b));
    low += (a & 0xffffffff) + (b & 0xffffffff);
    high += (a >> 32) + (b >> 32);
  }
  const Lanes sum = low + high;
  return sum[0] + sum[1] + sum[2] + sum[3];
}

using BlockSum = std::uint64_t (*)(const std::uint8_t*, std::size_t);

std::uint64_t SumBlocksPortably(const std::uint8_t* at, std::size_t blocks) {
  return SumBlocks(at, blocks);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) std::uint64_t SumBlocksAvx2(const std::uint8_t* at,
                                                            std::size_t blocks) {
  return SumBlocks(at, blocks);
}

BlockSum FastestBlockSum() {
  return __builtin_cpu_supports("avx2") ? SumBlocksAvx2 : SumBlocksPortably;
}
#else
BlockSum FastestBlockSum() { return SumBlocksPortably; }
#endif

template <typename T>
std::uint64_t Take(const std::uint8_t** at) {
  const T word = LoadNative<T>(*at);
  *at += sizeof(T);
  return word;
}

// Fewer than kBlockBytes.
std::uint64_t SumTail(const std::uint8_t* at, std::size_t bytes) {
  std::uint64_t sum = 0;
  for (; bytes >= 4; bytes -= 4) sum += Take<std::uint32_t>(&at);
  if (bytes >= 2) sum += Take<std::uint16_t>(&at);
  if (bytes % 2 == 1) {
    const std::uint8_t padded[2] = {*at, 0};
    sum += LoadNative<std::uint16_t>(padded);
  }
  return sum;
}

std::uint64_t SumWith(BlockSum sum_blocks, absl::Span<const std::uint8_t> bytes) {
  const std::size_t blocks = bytes.size() / kBlockBytes;
  const std::uint64_t tail =
      SumTail(bytes.data() + blocks * kBlockBytes, bytes.size() % kBlockBytes);
  // A header is over before the call would have been worth it.
  return blocks == 0 ? tail : tail + sum_blocks(bytes.data(), blocks);
}

}  // namespace

std::uint64_t SumBytes(absl::Span<const std::uint8_t> bytes) {
  static const BlockSum fastest = FastestBlockSum();
  return SumWith(fastest, bytes);
}

std::uint64_t SumBytesPortably(absl::Span<const std::uint8_t> bytes) {
  return SumWith(SumBlocksPortably, bytes);
}

}  // namespace heddle::node::forwarder
