#include "node/dataplane/sysctl.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "node/state/dependents.h"
#include "node/state/link_names.h"

namespace heddle::node {
namespace {

constexpr char kRoot[] = "/proc/sys/";
constexpr char kIpv6Folder[] = "net/ipv6/conf", kIpv4Folder[] = "net/ipv4/conf";

// The one setting that is planned for a link of ours, if any is.
std::string SettingOf(absl::string_view link) {
  if (link == kUdpLinkName) return absl::StrCat(kIpv4Folder, "/", link, "/accept_local");
  return absl::StrCat(kIpv6Folder, "/", link, "/accept_ra");
}

bool HasIpv6() { return access(absl::StrCat(kRoot, kIpv6Folder).c_str(), F_OK) == 0; }

// Whether the key is the one that we read for a link of ours.
bool IsKnown(const std::string& key) {
  const absl::string_view link = LinkOf(NetworkState(), key, /*value=*/key);
  return IsOurLinkName(link) && key == SettingOf(link);
}

// Without IPv6, what is asked of it is as good as done.
bool IsMoot(absl::string_view key) { return absl::StartsWith(key, kIpv6Folder) && !HasIpv6(); }

}  // namespace

absl::StatusOr<absl::btree_map<std::string, std::string>> ReadSysctls(
    const std::vector<std::string>& links) {
  absl::btree_map<std::string, std::string> sysctls;
  for (const std::string& link : links) {
    const std::string key = SettingOf(link);
    auto value = ReadFile(kRoot + key);
    if (value.ok()) {
      sysctls[key] = std::string(absl::StripAsciiWhitespace(*value));
    } else if (!absl::IsNotFound(value.status())) {
      return value.status();
    } else if (IsMoot(key)) {
      sysctls[key] = "0";
    }
  }
  return sysctls;
}

absl::Status WriteSysctl(const std::string& key, const std::string& value) {
  if (!IsKnown(key)) {
    return absl::InvalidArgumentError(absl::StrCat("setting ", key, " is not one of ours"));
  }
  const std::string path = kRoot + key;
  const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT && IsMoot(key) && value == "0") return absl::OkStatus();
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  const ssize_t written = write(fd, value.data(), value.size());
  const int error = errno;
  close(fd);
  if (written == static_cast<ssize_t>(value.size())) return absl::OkStatus();
  return absl::ErrnoToStatus(error, absl::StrCat("cannot write '", value, "' to ", path));
}

}  // namespace heddle::node
