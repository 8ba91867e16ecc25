#include "node/dataplane/tun_device.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace heddle::node {
namespace {

constexpr char kTunFile[] = "/dev/net/tun";

absl::Status OpenError(int error) {
  if (error == ENOENT || error == ENODEV || error == ENXIO) {
    return absl::UnimplementedError(
        absl::StrCat(kTunFile, " cannot be opened: ", std::strerror(error),
                     "; load the module (modprobe tun), give a container the device (--device ",
                     kTunFile, "), or use another backend"));
  }
  return absl::ErrnoToStatus(
      error, absl::StrCat("cannot open ", kTunFile,
                          "; run as root, and in a container let it have that device"));
}

// IFF_TUN_EXCL: one that is there already is not attached to, whoever made it.
int Attach(int fd, const std::string& name, int queue_flag) {
  ifreq request{};
  std::memcpy(request.ifr_name, name.data(), name.size());
  request.ifr_flags =
      static_cast<short>(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL | queue_flag);
  return ioctl(fd, TUNSETIFF, &request) == 0 ? 0 : errno;
}

}  // namespace

absl::Status MakeTunDevice(const std::string& name) {
  if (name.size() >= IFNAMSIZ) {
    return absl::InvalidArgumentError(absl::StrCat("'", name, "' is too long for a device"));
  }
  const int fd = open(kTunFile, O_RDWR | O_CLOEXEC);
  if (fd < 0) return OpenError(errno);
  const absl::Cleanup close_fd = [fd] { close(fd); };
  int error = Attach(fd, name, IFF_MULTI_QUEUE);
  if (error == EINVAL) error = Attach(fd, name, 0);  // a kernel before 3.8
  if (error == EBUSY) {
    return absl::AlreadyExistsError(
        "there is a device of this name that is not ours: remove it (ip link delete)");
  }
  if (error == EPERM) {
    return absl::PermissionDeniedError("run as root or give the capability CAP_NET_ADMIN");
  }
  if (error != 0) return absl::ErrnoToStatus(error, "the kernel makes no TUN device");
  if (ioctl(fd, TUNSETPERSIST, 1) != 0) {
    return absl::ErrnoToStatus(errno, "the TUN device cannot be made to stay");
  }
  return absl::OkStatus();
}

}  // namespace heddle::node
