#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/dataplane/forwarder/descriptors.h"

namespace heddle::node::forwarder {
namespace {

constexpr char kTunPath[] = "/dev/net/tun";
// From the best to what every kernel has. A device that exists must be opened with the flags that
// it was made with.
constexpr short kFlagLadder[] = {
    IFF_MULTI_QUEUE | IFF_VNET_HDR,
    IFF_MULTI_QUEUE,
    IFF_VNET_HDR,
    0,
};

absl::StatusOr<Descriptor> OpenTun() {
  Descriptor tun(open(kTunPath, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (tun.is_open()) return tun;
  if (errno == ENOENT || errno == ENODEV || errno == ENXIO) {
    return absl::UnimplementedError(
        absl::StrCat("there is no ", kTunPath,
                     ": load the module 'tun' (modprobe tun), and in a container pass "
                     "the device on to it"));
  }
  if (errno == EPERM || errno == EACCES) {
    return absl::PermissionDeniedError(
        absl::StrCat("may not open ", kTunPath, ": run as root, and allow the device's use"));
  }
  return absl::UnavailableError(absl::StrCat("cannot open ", kTunPath, ": ", strerror(errno)));
}

absl::Status RefusedBy(int error, const std::string& name) {
  const std::string what = absl::StrCat("TUN device ", name, ": ");
  switch (error) {
    case EPERM:
      return absl::PermissionDeniedError(
          absl::StrCat(what, "run as root or give the capability CAP_NET_ADMIN"));
    case EBUSY:
      return absl::FailedPreconditionError(absl::StrCat(
          what, "another process holds its queue, and this device has only one: stop it"));
    case EINVAL:
      return absl::FailedPreconditionError(absl::StrCat(
          what, "the name is that of a device of another kind: remove that, or rename it"));
    default:
      return absl::UnavailableError(absl::StrCat(what, strerror(error)));
  }
}

// 0 or errno.
int Attach(const Descriptor& tun, const std::string& name, short flags) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | flags);
  return ioctl(tun.get(), TUNSETIFF, &request) == 0 ? 0 : errno;
}

}  // namespace

absl::StatusOr<TunQueues> OpenTunQueues(const std::string& name, int count) {
  if (name.empty() || name.size() >= IFNAMSIZ) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", name, "' is no name for a device: 1 to ", IFNAMSIZ - 1, " characters"));
  }
  HEDDLE_ASSIGN_OR_RETURN(Descriptor first, OpenTun());
  int error = EINVAL;
  short flags = 0;
  for (short candidate : kFlagLadder) {
    flags = candidate;
    error = Attach(first, name, flags);
    if (error != EINVAL) break;
  }
  if (error != 0) return RefusedBy(error, name);
  TunQueues opened;
  opened.vnet_header = (flags & IFF_VNET_HDR) != 0;
  opened.queues.push_back(std::move(first));
  while ((flags & IFF_MULTI_QUEUE) && static_cast<int>(opened.queues.size()) < count) {
    HEDDLE_ASSIGN_OR_RETURN(Descriptor next, OpenTun());
    error = Attach(next, name, flags);
    if (error != 0) return RefusedBy(error, name);
    opened.queues.push_back(std::move(next));
  }
  return opened;
}

absl::Status KeepTunDevice(const Descriptor& queue) {
  if (ioctl(queue.get(), TUNSETPERSIST, 1) == 0) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("the kernel will not keep the TUN device: ", strerror(errno)));
}

}  // namespace heddle::node::forwarder
