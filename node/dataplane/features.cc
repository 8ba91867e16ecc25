#include "node/dataplane/features.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/state/link_names.h"

namespace heddle::node {
namespace {

// One question or order to the kernel. `value` is both what is set and what is read.
absl::Status Ethtool(const std::string& link, ethtool_value* value) {
  ifreq request{};
  if (link.size() >= sizeof(request.ifr_name)) {
    return absl::InvalidArgumentError(absl::StrCat("'", link, "' is too long for a device"));
  }
  std::memcpy(request.ifr_name, link.data(), link.size());
  request.ifr_data = reinterpret_cast<char*>(value);
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, "cannot open a socket for ethtool");
  const int result = ioctl(fd, SIOCETHTOOL, &request);
  const int error = errno;
  close(fd);
  if (result == 0) return absl::OkStatus();
  if (error == ENODEV) return absl::NotFoundError(absl::StrCat("link ", link, " does not exist"));
  return absl::ErrnoToStatus(error, absl::StrCat("ethtool on ", link));
}

}  // namespace

// The kernel's one switch for transmit checksums stands for all kinds that a device has, and a
// vxlan has the generic one alone.
absl::Status ReadFeatures(NetworkState* state) {
  for (const auto& [name, link] : state->links) {
    if (!std::holds_alternative<VxlanLink>(link.kind)) continue;
    ethtool_value value{ETHTOOL_GTXCSUM, 0};
    const absl::Status status = Ethtool(name, &value);
    if (absl::IsNotFound(status)) continue;
    HEDDLE_RETURN_IF_ERROR(status);
    if (value.data == 0) state->features_off[FeatureKey{name, kTransmitChecksum}] = FeatureOff{};
  }
  return absl::OkStatus();
}

absl::Status WriteFeature(const FeatureKey& key, bool on) {
  if (key.feature != kTransmitChecksum || !IsOurLinkName(key.link)) {
    return absl::InvalidArgumentError(
        absl::StrCat("feature ", key.feature, " of ", key.link, " is not one of ours"));
  }
  ethtool_value value{ETHTOOL_STXCSUM, on ? 1u : 0u};
  const absl::Status status = Ethtool(key.link, &value);
  return on && absl::IsNotFound(status) ? absl::OkStatus() : status;
}

}  // namespace heddle::node
