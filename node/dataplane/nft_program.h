// Runs Debian's nft, the program around libnftables.
//
// Why not the library in this process: loaded and used once it keeps 1.1 to 2.4 MB private, half of
// what an idle node may have; loaded and unloaded around each use it leaks 8 KiB a time. The
// program costs 5 ms of CPU; rules.h runs it only when the tables have changed, and
// node/probe/host_findings.h once a minute.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heddle::node {

enum class NftOutput { kText, kJson };

// Runs `script` as one transaction, in the calling thread's network namespace and without a shell,
// and returns what nft printed (stateless listings, as text or JSON). NotFound: there is no nft
// program. Internal: nft refused, with its words. DeadlineExceeded: it did not end in ten seconds,
// and was killed.
absl::StatusOr<std::string> RunNft(absl::string_view script, NftOutput output = NftOutput::kText);

}  // namespace heddle::node
