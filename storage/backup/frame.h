// How a backup file is cut into frames: a letter, the payload's length in four bytes, big-endian,
// and the payload.
#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/store.h"

namespace heddle::storage {

inline constexpr char kBackupMagic[] = "heddle backup\n";
inline constexpr std::size_t kBackupMagicBytes = sizeof(kBackupMagic) - 1;

inline constexpr char kHeaderFrame = 'H', kRecordFrame = 'R', kTrailerFrame = 'T';
inline constexpr std::size_t kFrameStartBytes = 5;

// The largest payload of each. A record must fit in a transaction of its own, with its guards.
inline constexpr std::size_t kMaxHeaderBytes = 64 << 10;
inline constexpr std::size_t kMaxTrailerBytes = 1 << 10;
inline constexpr std::size_t kMaxRecordBytes = Limits().max_transaction_bytes - (16 << 10);

}  // namespace heddle::storage
