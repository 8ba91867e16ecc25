// Following a change of the backend step by step, for `network set --wait`.
#pragma once

#include <ostream>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/heddle/v1/admin.pb.h"
#include "cli/client.h"

namespace heddle::cli {

// Asks the controller, a few times a second, until no change of the backend is under way or
// `limit` has passed; one that restarts meanwhile is asked again. Each step is told on `progress`
// (null: nobody reads it) as it begins, and when its counts or whom it waits for change. Gives the
// last answer, which still has a rollout when time ran out. An error: the controller's, which could
// not be asked to the end.
absl::StatusOr<v1::GetNetworkResponse> FollowRollout(AdminClient* client, absl::Duration limit,
                                                     std::ostream* progress);

}  // namespace heddle::cli
