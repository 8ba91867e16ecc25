// A number that stands for the set of all records (keys and the revisions they were modified at).
// It is kept with every commit and counted again at start, so that records that are missing, or
// came back, are noticed whatever file they were lost from.
#pragma once

#include <cstdint>

#include "absl/strings/string_view.h"
#include "storage/store.h"
#include "xxhash.h"

namespace heddle::storage {

class RecordsDigest {
 public:
  explicit RecordsDigest(std::uint64_t value = 0) : value_(value) {}

  // Order does not matter, so a record can be taken out again.
  void Add(absl::string_view key, Revision modified) { value_ += Hash(key, modified); }
  void Remove(absl::string_view key, Revision modified) { value_ -= Hash(key, modified); }
  std::uint64_t value() const { return value_; }

 private:
  static std::uint64_t Hash(absl::string_view key, Revision modified) {
    return XXH3_64bits_withSeed(key.data(), key.size(), modified);
  }

  std::uint64_t value_;
};

}  // namespace heddle::storage
