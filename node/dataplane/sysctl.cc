#include "node/dataplane/sysctl.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "node/state/link_names.h"

namespace heddle::node {
namespace {

constexpr char kRoot[] = "/proc/sys/";
constexpr char kIpv6Folder[] = "net/ipv6/conf";

std::string AcceptRa(const std::string& link) {
  return absl::StrCat(kIpv6Folder, "/", link, "/accept_ra");
}

bool HasIpv6() { return access(absl::StrCat(kRoot, kIpv6Folder).c_str(), F_OK) == 0; }

// Whether the key is the one that we read for a link of ours.
bool IsKnown(const std::string& key) {
  const std::size_t start = sizeof(kIpv6Folder), end = key.rfind('/');
  if (end == std::string::npos || end <= start) return false;
  const std::string link = key.substr(start, end - start);
  return IsOurLinkName(link) && key == AcceptRa(link);
}

}  // namespace

absl::StatusOr<absl::btree_map<std::string, std::string>> ReadSysctls(
    const std::vector<std::string>& links) {
  absl::btree_map<std::string, std::string> sysctls;
  for (const std::string& link : links) {
    const std::string key = AcceptRa(link);
    auto value = ReadFile(kRoot + key);
    if (value.ok()) {
      sysctls[key] = std::string(absl::StripAsciiWhitespace(*value));
    } else if (!absl::IsNotFound(value.status())) {
      return value.status();
    } else if (!HasIpv6()) {
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
  if (fd < 0 && errno == ENOENT && !HasIpv6() && value == "0") return absl::OkStatus();
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", path));
  const ssize_t written = write(fd, value.data(), value.size());
  const int error = errno;
  close(fd);
  if (written == static_cast<ssize_t>(value.size())) return absl::OkStatus();
  return absl::ErrnoToStatus(error, absl::StrCat("cannot write '", value, "' to ", path));
}

}  // namespace heddle::node
