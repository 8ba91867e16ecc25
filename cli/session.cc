#include "cli/session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/rollout_wait.h"
#include "cli/text.h"
#include "cli/views.h"

namespace heddle::cli {
namespace {

constexpr int kNamedLaggards = 10;

ClientTerms TermsOf(const Options& options, const std::optional<Identity>& identity) {
  ClientTerms terms;
  terms.timeout = absl::Seconds(options.timeout_seconds);
  terms.server_name = options.identity.server_name;
  if (identity) terms.credentials = identity->credentials;
  return terms;
}

}  // namespace

Session::Session(Console console, const Options& options, std::vector<std::string> controllers,
                 Format format, std::optional<Identity> identity, const Clock& clock)
    : console_(console),
      options_(options),
      format_(format),
      identity_(std::move(identity)),
      clock_(clock),
      client_(std::move(controllers), TermsOf(options, identity_)) {}

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
  return WaitAndFinish(std::move(view), revision, absl::Seconds(options_.wait_timeout_seconds));
}

ExitCode Session::FinishNetworkChange(View view, std::uint64_t revision) {
  if (!options_.wait) return Print(view);
  if (IsForPeople(format_)) Print(view);
  const absl::Time until = absl::Now() + absl::Seconds(options_.wait_timeout_seconds);
  const auto followed =
      FollowRollout(&client_, until - absl::Now(), IsForPeople(format_) ? &console_.out : nullptr);
  if (followed.ok()) view.json["wait"]["rollout"] = RolloutJson(*followed);
  if (followed.ok() && !followed->has_rollout()) {
    // A step is a change of its own: the last one is to be applied.
    return WaitAndFinish(std::move(view), std::max(revision, followed->revision()),
                         until - absl::Now());
  }
  if (!IsForPeople(format_)) Print(view);
  return followed.ok() ? FailRolling(followed->rollout()) : FailWaiting(followed.status());
}

ExitCode Session::WaitAndFinish(View view, std::uint64_t revision, absl::Duration limit) {
  const auto answer = Wait(revision, limit);
  if (answer.ok()) AddWait(*answer, &view.json["wait"]);
  if (!IsForPeople(format_)) Print(view);
  if (!answer.ok()) return FailWaiting(answer.status());
  if (!answer->laggards().empty()) return FailLagging(*answer);
  if (IsForPeople(format_)) {
    console_.out << "Every node has applied revision " << answer->revision() << "." << std::endl;
  }
  return ExitCode::kOk;
}

absl::StatusOr<v1::WaitAppliedResponse> Session::Wait(std::uint64_t revision,
                                                      absl::Duration limit) {
  v1::WaitAppliedRequest request;
  request.set_revision(revision);
  request.set_timeout_seconds(
      static_cast<std::uint32_t>(absl::ToInt64Seconds(absl::Ceil(limit, absl::Seconds(1)))));
  return client_.WaitApplied(request);
}

ExitCode Session::FailWaiting(const absl::Status& why) {
  return Fail("the change is made, but cannot wait for it", why);
}

ExitCode Session::FailRolling(const v1::Rollout& rollout) {
  const std::string waits = RolloutWaitText(rollout, kNamedLaggards);
  console_.err << Printable(absl::StrCat(
                      "heddlectl: the change goes on, but has not ended within ",
                      options_.wait_timeout_seconds, " s. ", RolloutStepText(rollout), ": ",
                      rollout.done(), " of ", rollout.nodes(), " nodes.",
                      waits.empty() ? "" : absl::StrCat(" It waits for ", waits, "."),
                      " Mend what is named, or set ", rollout.from_backend(),
                      " again to take the change back. See \"heddlectl network show\"."))
               << std::endl;
  return ExitCode::kLagging;
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
