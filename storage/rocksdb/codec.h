// Records, batches and revisions to and from the bytes that RocksDB keeps.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "storage/feed.h"
#include "storage/store.h"

namespace heddle::storage {

// Numbers are 8 bytes, big-endian, so that their order is the order of their keys.
std::string EncodeNumber(std::uint64_t number);
absl::StatusOr<std::uint64_t> DecodeNumber(absl::string_view bytes);

std::string EncodeRecord(const Record& record);
absl::StatusOr<Record> DecodeRecord(absl::string_view key, absl::string_view bytes);

std::string EncodeBatch(const Batch& batch);
absl::StatusOr<Batch> DecodeBatch(Revision revision, absl::string_view bytes);

}  // namespace heddle::storage
