#include "cli/call_status.h"

#include "absl/strings/str_cat.h"

namespace heddle::cli {
namespace {

// An Unavailable of gRPC's own (no connection) or of the controller's, in words for people.
absl::Status Unavailable(const std::string& controller, absl::string_view message) {
  static constexpr absl::string_view kNoConnection = "Failed to connect to remote host: ";
  const std::size_t at = message.rfind(kNoConnection);
  if (at == absl::string_view::npos) {
    return absl::UnavailableError(
        absl::StrCat("the controller at ", controller, " cannot serve this now (", message, ")"));
  }
  return absl::UnavailableError(absl::StrCat("cannot connect to a controller at ", controller, " (",
                                             message.substr(at + kNoConnection.size()), ")"));
}

}  // namespace

absl::Status ToAbslStatus(const grpc::Status& status, const std::string& controller,
                          absl::Duration waited) {
  if (status.ok()) return absl::OkStatus();
  const auto code = static_cast<absl::StatusCode>(status.error_code());
  const std::string& message = status.error_message();
  if (code == absl::StatusCode::kDeadlineExceeded) {
    return absl::DeadlineExceededError(absl::StrCat(
        "the controller at ", controller, " did not answer within ", absl::FormatDuration(waited)));
  }
  if (code == absl::StatusCode::kUnavailable) return Unavailable(controller, message);
  if (code == absl::StatusCode::kUnimplemented && message.empty()) {
    return absl::UnimplementedError(
        absl::StrCat("the server at ", controller,
                     " does not know this call; is it a heddle-controller of this release?"));
  }
  return absl::Status(code, message);
}

}  // namespace heddle::cli
