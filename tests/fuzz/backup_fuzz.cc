// Any bytes as a backup file: read whole or refused with a reason, the same in pieces of any size;
// what is accepted is written again as the same records.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "storage/backup/backup_file.h"

namespace {

using Records = std::vector<std::pair<std::string, std::string>>;

absl::Status ReadBackup(absl::string_view file, std::size_t piece, Records* records) {
  heddle::storage::BackupReader reader([&](std::string key, std::string value) {
    records->emplace_back(std::move(key), std::move(value));
    return absl::OkStatus();
  });
  for (std::size_t at = 0; at < file.size(); at += piece) {
    if (!reader.Feed(file.substr(at, piece)).ok()) break;
  }
  absl::Status status = reader.Finish();
  if (status.ok() && !reader.header()) std::abort();
  return status;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const absl::string_view file(reinterpret_cast<const char*>(data), size);
  Records whole, pieces;
  const absl::Status status = ReadBackup(file, size + 1, &whole);
  if (status != ReadBackup(file, 3, &pieces) || whole != pieces) std::abort();
  if (!status.ok()) {
    if (status.message().empty()) std::abort();
    return 0;
  }
  std::string again;
  heddle::storage::BackupWriter writer([&](absl::string_view bytes) {
    again.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  });
  if (!writer.Begin({}).ok()) std::abort();
  for (const auto& [key, value] : whole) {
    if (!writer.Add(key, value).ok()) std::abort();
  }
  Records reread;
  if (!writer.Finish().ok() || !ReadBackup(again, size + 1, &reread).ok() || reread != whole) {
    std::abort();
  }
  return 0;
}
