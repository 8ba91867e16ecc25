// How a call ended, in words for people.
#pragma once

#include <grpcpp/grpcpp.h>

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace heddle::cli {

// The controller's own words, or that it could not be reached (Unavailable), or did not answer
// within `waited` (DeadlineExceeded).
absl::Status ToAbslStatus(const grpc::Status& status, const std::string& controller,
                          absl::Duration waited);

}  // namespace heddle::cli
