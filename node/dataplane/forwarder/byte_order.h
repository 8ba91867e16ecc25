// Numbers in network order at any address.
#pragma once

#include <endian.h>

#include <cstdint>
#include <cstring>

namespace heddle::node::forwarder {

template <typename T>
T LoadNative(const std::uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}
template <typename T>
void StoreNative(std::uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof(value));
}

inline std::uint16_t Load16(const std::uint8_t* at) {
  return be16toh(LoadNative<std::uint16_t>(at));
}
inline std::uint32_t Load32(const std::uint8_t* at) {
  return be32toh(LoadNative<std::uint32_t>(at));
}
inline std::uint64_t Load64(const std::uint8_t* at) {
  return be64toh(LoadNative<std::uint64_t>(at));
}
inline void Store16(std::uint8_t* at, std::size_t value) {
  StoreNative(at, htobe16(static_cast<std::uint16_t>(value)));
}
inline void Store32(std::uint8_t* at, std::uint32_t value) { StoreNative(at, htobe32(value)); }

}  // namespace heddle::node::forwarder
