// Keeps this process's memory to itself, for programs that hold private keys.
#pragma once

#include "absl/status/status.h"

namespace heddle {

// From now on the process leaves no core file, whatever catches them, and no other process without
// CAP_SYS_PTRACE can trace it or read its memory. Call it before a key is read, and again after a
// change of user or capabilities, which undoes half of it.
absl::Status ForbidCoreDumps();

}  // namespace heddle
