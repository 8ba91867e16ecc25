#include "node/dataplane/private_network.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace heddle::node {

Ip TestUnderlayAddress(Family family) {
  return family == Family::kV4 ? *Ip::Parse("192.0.2.1") : *Ip::Parse("2001:db8::1");
}

absl::Status EnterPrivateNetwork() {
  if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) {
    return absl::ErrnoToStatus(errno, "cannot make private namespaces");
  }
  // The sandbox's /sys is of the old network; nobody here reads it. /run may be read-only.
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("none", "/run", "tmpfs", 0, nullptr) != 0) {
    return absl::ErrnoToStatus(errno, "cannot make a private /run");
  }
  setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
  return RunShell(
      absl::StrCat("ip link set lo up; ip link add ", kTestUnderlay,
                   " type veth peer name under1 && ip link set under1 up && ip link set ",
                   kTestUnderlay, " up && ip address add 192.0.2.1/24 dev ", kTestUnderlay,
                   " && ip address add 2001:db8::1/64 nodad dev ", kTestUnderlay));
}

absl::StatusOr<std::string> OutputOf(const std::string& command) {
  FILE* pipe = popen(absl::StrCat("{ ", command, "; } 2>&1").c_str(), "r");
  if (pipe == nullptr) return absl::ErrnoToStatus(errno, "cannot start a shell");
  std::string output;
  char chunk[4096];
  for (std::size_t n; (n = fread(chunk, 1, sizeof(chunk), pipe)) > 0;) output.append(chunk, n);
  if (pclose(pipe) == 0) return output;
  return absl::InternalError(absl::StrCat(command, ": ", output));
}

absl::Status RunShell(const std::string& command) { return OutputOf(command).status(); }

}  // namespace heddle::node
