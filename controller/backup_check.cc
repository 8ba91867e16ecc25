#include "controller/backup_check.h"

#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "controller/certificate_book.h"
#include "controller/keys.h"
#include "controller/lease_book.h"

namespace heddle::controller {

BackupCheck::BackupCheck(std::size_t max_bytes)
    : max_bytes_(max_bytes), reader_([this](std::string key, std::string value) {
        return Keep(std::move(key), std::move(value));
      }) {}

absl::Status BackupCheck::Keep(std::string key, std::string value) {
  const bool known = key == kConfigKey || absl::StartsWith(key, kNodePrefix) ||
                     absl::StartsWith(key, kSubnetPrefix) ||
                     absl::StartsWith(key, kAddressPrefix) ||
                     absl::StartsWith(key, kCertificatePrefix);
  if (!known) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the backup has a record ", absl::CHexEscape(key), ", which is not one of this release's"));
  }
  bytes_ += key.size() + value.size();
  if (bytes_ > max_bytes_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the backup has records of more than ", max_bytes_, " bytes"));
  }
  backup_.records.emplace(std::move(key), std::move(value));
  return absl::OkStatus();
}

absl::StatusOr<CheckedBackup> BackupCheck::Finish() {
  HEDDLE_RETURN_IF_ERROR(reader_.Finish());
  constexpr storage::Revision kAny = 1;
  std::vector<storage::Change> changes;
  changes.reserve(backup_.records.size());
  for (const auto& [key, value] : backup_.records) {
    changes.push_back({{key, value, kAny, kAny}, /*deleted=*/false});
  }
  LeaseBook scratch{LeasePolicy()};
  std::vector<std::string> problems = scratch.Apply(kAny, changes).problems;
  for (std::string& problem : CertificateBook().Apply(changes).problems) {
    problems.push_back(std::move(problem));
  }
  if (!problems.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the backup cannot be restored: ", absl::CHexEscape(problems.front())));
  }
  if (const absl::Status consistent = scratch.CheckInvariants(); !consistent.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the backup cannot be restored, its records contradict each other: ",
                     absl::CHexEscape(consistent.message())));
  }
  backup_.header = *reader_.header();
  backup_.leases = scratch.leases().size();
  return std::move(backup_);
}

}  // namespace heddle::controller
