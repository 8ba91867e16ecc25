#include "base/core_dumps.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace heddle {

absl::Status ForbidCoreDumps() {
  // A core_pattern that pipes to a program ignores the limit; that is what the other is for.
  const struct rlimit none = {0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0) {
    return absl::ErrnoToStatus(errno, "cannot forbid core files");
  }
  if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
    return absl::ErrnoToStatus(errno, "cannot keep other processes from this one's memory");
  }
  return absl::OkStatus();
}

}  // namespace heddle
