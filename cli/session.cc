#include "cli/session.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/views.h"

namespace heddle::cli {
namespace {

constexpr int kNamedLaggards = 10;

}  // namespace

Session::Session(Console console, const Options& options, std::vector<std::string> controllers,
                 Format format, const Clock& clock)
    : console_(console),
      options_(options),
      format_(format),
      clock_(clock),
      client_(std::move(controllers), absl::Seconds(options.timeout_seconds)) {}

ExitCode Session::Print(const View& view) {
  console_.out << Render(view, format_) << std::flush;
  if (console_.out) return ExitCode::kOk;
  return Fail("cannot write the answer", absl::DataLossError("the output cannot be written to. "
                                                             "Is the disk full?"));
}

ExitCode Session::Fail(absl::string_view what, const absl::Status& status) {
  console_.err << ErrorText(what, status) << std::endl;
  return ExitCodeOf(status);
}

ExitCode Session::FailUsage(absl::string_view message) {
  console_.err << "heddlectl: " << std::string(message) << std::endl;
  return ExitCode::kUsage;
}

ExitCode Session::FailMalformed(absl::string_view what, const absl::Status& status) {
  return Fail(what, absl::InternalError(absl::StrCat("the answer of the controller at ",
                                                     client_.controller(), " is malformed (",
                                                     status.message(), ")")));
}

ExitCode Session::FinishChange(View view, std::uint64_t revision) {
  if (!options_.wait) return Print(view);
  if (IsForPeople(format_)) Print(view);
  const auto answer = Wait(revision);
  if (answer.ok()) view.json["wait"] = WaitJson(*answer);
  if (!IsForPeople(format_)) Print(view);
  if (!answer.ok()) return Fail("the change is made, but cannot wait for it", answer.status());
  if (!answer->laggards().empty()) return FailLagging(*answer);
  if (IsForPeople(format_)) {
    console_.out << "Every node has applied revision " << answer->revision() << "." << std::endl;
  }
  return ExitCode::kOk;
}

absl::StatusOr<v1::WaitAppliedResponse> Session::Wait(std::uint64_t revision) {
  v1::WaitAppliedRequest request;
  request.set_revision(revision);
  request.set_timeout_seconds(static_cast<std::uint32_t>(options_.wait_timeout_seconds));
  return client_.WaitApplied(request);
}

ExitCode Session::FailLagging(const v1::WaitAppliedResponse& answer) {
  console_.err << "heddlectl: the change is made, but not every node has applied revision "
               << answer.revision() << " within " << options_.wait_timeout_seconds
               << " s: " << LaggardNames(answer, kNamedLaggards)
               << ". See why with \"heddlectl node show NODE\"." << std::endl;
  return ExitCode::kLagging;
}

bool Session::Confirm(absl::string_view question) {
  if (options_.assume_yes || !console_.interactive) return true;
  console_.err << std::string(question) << " [y/N] " << std::flush;
  std::string answer;
  std::getline(console_.in, answer);
  const std::string word = absl::AsciiStrToLower(absl::StripAsciiWhitespace(answer));
  return word == "y" || word == "yes";
}

}  // namespace heddle::cli
