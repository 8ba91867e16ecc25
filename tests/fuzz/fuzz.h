// What fuzz targets are made of. A target is a source with one of
//
//   HEDDLE_FUZZ(Check)                    the whole input to Check
//   HEDDLE_FUZZ_ONE_OF(CheckA, CheckB)    the first byte chooses, the rest is the input
//
// where a check takes a std::string, and aborts when what must hold for any bytes does not.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heddle::fuzz {

using Check = void (*)(const std::string& input);

inline void Require(bool holds) {
  if (!holds) std::abort();
}

// Whether something was accepted; what is refused must be told why.
inline bool Accepted(const absl::Status& status) {
  Require(status.ok() || !status.message().empty());
  return status.ok();
}
template <typename T>
bool Accepted(const absl::StatusOr<T>& value) {
  return Accepted(value.status());
}

template <typename T>
bool Is(const absl::StatusOr<T>& value, const T& expected) {
  return value.ok() && *value == expected;
}

// An input as a sequence: for each piece a byte that says what it is, the number of its bytes in
// two (low one first), and these, as far as they are there.
class Pieces {
 public:
  struct Piece {
    std::uint8_t kind = 0;
    std::string bytes;
  };
  explicit Pieces(absl::string_view input) : rest_(input) {}

  std::optional<Piece> Next() {
    if (rest_.size() < 3) return std::nullopt;
    const std::size_t size =
        static_cast<std::uint8_t>(rest_[1]) + 256u * static_cast<std::uint8_t>(rest_[2]);
    Piece piece{static_cast<std::uint8_t>(rest_[0]), std::string(rest_.substr(3, size))};
    rest_.remove_prefix(std::min(rest_.size(), 3 + size));
    return piece;
  }

 private:
  absl::string_view rest_;
};

inline int RunOneOf(std::initializer_list<Check> checks, const std::uint8_t* data,
                    std::size_t size) {
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data + 1), size - 1);
  checks.begin()[data[0] % checks.size()](rest);
  return 0;
}

}  // namespace heddle::fuzz

#define HEDDLE_FUZZ(check)                                                            \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    check(std::string(reinterpret_cast<const char*>(data), size));                    \
    return 0;                                                                         \
  }

#define HEDDLE_FUZZ_ONE_OF(...)                                                       \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    return heddle::fuzz::RunOneOf({__VA_ARGS__}, data, size);                         \
  }
