#include "tests/lab/private_network.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "tests/lab/error.h"

namespace heddle::lab {

void EnterPrivateNetwork() {
  if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
    ThrowErrno("a private network and mount namespace (this needs root)");
  }
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    ThrowErrno("make the mounts private");
  }
  // All of /run: /run/netns may be missing, and a sandbox's /run is read-only.
  if (mount("none", "/run", "tmpfs", 0, nullptr) != 0) ThrowErrno("mount an empty /run");
  if (mkdir("/run/netns", 0755) != 0) ThrowErrno("/run/netns");
  if (mkdir("/run/lab", 0755) != 0) ThrowErrno("/run/lab");
  // What programs tell systemd waits here until a test looks; systemd itself reads at once. The
  // kernel's limit of ten would hold a program that says more in between.
  std::ofstream limit("/proc/sys/net/unix/max_dgram_qlen");
  if (!(limit << 4096 << std::flush)) ThrowErrno("/proc/sys/net/unix/max_dgram_qlen");
  setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
}

}  // namespace heddle::lab
