// The exit codes of heddlectl, and the sentence that goes with an error. Pure.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace heddle::cli {

enum class ExitCode {
  kOk = 0,
  kFailure = 1,      // anything not below
  kUsage = 2,        // the command line is wrong; nothing was asked of a controller
  kUnreachable = 3,  // no controller answered in time
  kRefused = 4,      // the controller refused: conflict, wrong configuration, not allowed now
  kNotFound = 5,     // no such node, lease or configuration
  kLagging = 6,      // --wait: the change is made, but some nodes have not applied it in time
  kUnwell = 7,       // doctor: something is wrong
  kNotTrusted = 8,   // the controller does not accept this identity, or its own cannot be believed
};

// What the error of a call to a controller ends the program with.
ExitCode ExitCodeOf(const absl::Status& status);

// "heddlectl: <what>: <cause>. <next step>." `what` reads "cannot list the leases".
std::string ErrorText(absl::string_view what, const absl::Status& status);

// The table of exit codes for --help.
std::string ExitCodeHelp();

}  // namespace heddle::cli
