// Runs Debian's nft, the program around libnftables.
//
// Why not the library in this process: loaded and used once it keeps 1.1 to 2.4 MB private, half of
// what an idle node may have; loaded and unloaded around each use it leaks 8 KiB a time. The
// program costs 5 ms of CPU, and rules.h runs it only when the tables have changed.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heddle::node {

// Runs `script` as one transaction, in the calling thread's network namespace and without a shell,
// and returns what nft printed (stateless listings). NotFound: there is no nft program. Internal:
// nft refused, with its words. DeadlineExceeded: it did not end in ten seconds, and was killed.
absl::StatusOr<std::string> RunNft(absl::string_view script);

}  // namespace heddle::node
