// After the store was restored: until when it settles, and who is waited for. Pure.
//
// A backup knows nothing of what was leased after it was made. Until the nodes have come back and
// said which subnets they have, a subnet that looks free may be in use, so none is chosen for
// anybody. That ends when all nodes known to have had a lease are back, though not before a quarter
// of the settling time has passed, for those that nobody knows of; or when the time has passed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "controller/lease_book.h"
#include "controller/node_registry.h"
#include "controller/restore_marks.h"
#include "storage/store.h"

namespace heddle::controller {

struct SettlingTerms {
  absl::Time not_before;                     // it ends after this ...
  absl::Time until;                          // ... and at this at the latest
  std::vector<std::string> former_node_ids;  // with a lease when the restore began
  bool all_known = true;                     // else the end is `until`
};

// Of a controller that began to serve `history` at `started`: a restored history settles as long as
// nothing says that it has. Nothing: there is nothing to settle.
std::optional<SettlingTerms> TermsOf(const storage::History& history, const RestoreMarks& marks,
                                     absl::Duration settle, absl::Time started);

// Nothing when it is over. A node is back once it has applied what it was sent in this history.
std::optional<Settling> JudgeSettling(const SettlingTerms& terms, const LeaseBook& book,
                                      const std::vector<NodeInfo>& nodes, absl::Time now);

}  // namespace heddle::controller
