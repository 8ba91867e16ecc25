#include "cli/exit_code.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/text.h"

namespace heddle::cli {
namespace {

absl::string_view NextStep(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return "Check that heddle-controller runs there and that --controller (or "
             "HEDDLE_CONTROLLER) names it.";
    case absl::StatusCode::kDeadlineExceeded:
      return "Try again, or allow more time with --timeout-seconds.";
    case absl::StatusCode::kNotFound:
      return "See what there is with \"heddlectl node list\" and \"heddlectl lease list\".";
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kResourceExhausted:
      return "See who holds what with \"heddlectl lease list --resting\".";
    case absl::StatusCode::kInvalidArgument:
      return "Correct it and try again.";
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return "See who you are with \"heddlectl cert show\".";
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kDataLoss:
      return "The log of heddle-controller says more.";
    default:
      return "See the state with \"heddlectl status\".";
  }
}

// Whether a cause already says what to do: it then goes on after its first clause.
bool SaysMore(absl::string_view cause) {
  return absl::StrContains(cause, ". ") || absl::StrContains(cause, "; ");
}

}  // namespace

ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return ExitCode::kOk;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return ExitCode::kUnreachable;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kPermissionDenied:
      return ExitCode::kRefused;
    case absl::StatusCode::kUnauthenticated:
      return ExitCode::kNotTrusted;
    case absl::StatusCode::kNotFound:
      return ExitCode::kNotFound;
    default:
      return ExitCode::kFailure;
  }
}

std::string ErrorText(absl::string_view what, const absl::Status& status) {
  std::string cause = Printable(absl::string_view(status.message()));
  if (cause.empty()) cause = "no reason was given";
  const std::string next = SaysMore(cause) ? std::string() : absl::StrCat(" ", NextStep(status));
  const bool ended = absl::EndsWith(cause, ".") || absl::EndsWith(cause, "?");
  return absl::StrCat("heddlectl: ", what, ": ", cause, ended ? "" : ".", next);
}

std::string ExitCodeHelp() {
  return "Exit codes:\n"
         "  0  Done, and with --wait applied by every node.\n"
         "  1  Failed for a reason not listed here.\n"
         "  2  The command line is wrong, or there is no identity; no controller was asked.\n"
         "  3  No controller could be reached, or none answered in time.\n"
         "  4  The controller refused: a conflict, a wrong value, not possible now, or not your "
         "role's.\n"
         "  5  There is no such node, lease, token or certificate, or no network is configured.\n"
         "  6  The change is made, but --wait ran out of time with nodes that lag behind.\n"
         "  7  doctor: the answer is there, and something is wrong.\n"
         "  8  The controller does not accept this identity, or its own cannot be believed.";
}

}  // namespace heddle::cli
