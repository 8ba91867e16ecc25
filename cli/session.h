// One run of a command: its options, where it reads and writes, and the controller it talks to.
#pragma once

#include <functional>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/clock.h"
#include "cli/client.h"
#include "cli/exit_code.h"
#include "cli/identity_choice.h"
#include "cli/view.h"

namespace heddle::cli {

// References: they outlive the session. `interactive`: a person answers at `in`.
struct Console {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool interactive = false;
};

struct Options {
  std::string controllers = "127.0.0.1:7411";
  std::string output = "table";
  int timeout_seconds = 10;
  bool wait = false;
  int wait_timeout_seconds = 60;
  bool assume_yes = false;
  IdentityOptions identity;
};

// Owned by one thread.
class Session {
 public:
  // `identity`: what the controllers are shown; absent with --insecure, and for commands that ask
  // none.
  Session(Console console, const Options& options, std::vector<std::string> controllers,
          Format format, std::optional<Identity> identity, const Clock& clock);

  AdminClient& client() { return client_; }
  const std::optional<Identity>& identity() const { return identity_; }
  // The next one in the place of identity(), for what comes after; the client goes on as it is.
  void TakeIdentity(identity::Credentials renewed) { identity_->credentials = std::move(renewed); }
  Console& console() { return console_; }
  Format format() const { return format_; }
  absl::Time Now() const { return clock_.Now(); }

  // Prints and answers kOk, or says why the output could not be written.
  ExitCode Print(const View& view);
  // Says on the error stream that `what` failed, why, and what to do.
  ExitCode Fail(absl::string_view what, const absl::Status& status);
  ExitCode FailUsage(absl::string_view message);

  // Shows an answer through `to_view`; an answer that cannot be read is an error.
  template <typename Answer, typename ToView>
  ExitCode Show(absl::string_view what, const absl::StatusOr<Answer>& answer, ToView&& to_view) {
    if (!answer.ok()) return Fail(what, answer.status());
    const absl::StatusOr<View> view = to_view(*answer);
    return view.ok() ? Print(*view) : FailMalformed(what, view.status());
  }

  ExitCode FailMalformed(absl::string_view what, const absl::Status& status);

  // Shows a change that is made and, with --wait, waits until every node has applied `revision`.
  // Programs get one document, with the wait's outcome under "wait".
  ExitCode FinishChange(View view, std::uint64_t revision);
  // The same for a change of the network, which may go on in steps: with --wait each is told as it
  // begins, and the wait ends after the last.
  ExitCode FinishNetworkChange(View view, std::uint64_t revision);

  // Whether to go on with something that cannot be taken back: asks, unless --yes was given or
  // nobody is there to answer.
  bool Confirm(absl::string_view question);

 private:
  ExitCode WaitAndFinish(View view, std::uint64_t revision, absl::Duration limit);
  absl::StatusOr<v1::WaitAppliedResponse> Wait(std::uint64_t revision, absl::Duration limit);
  ExitCode FailWaiting(const absl::Status& why);
  ExitCode FailLagging(const v1::WaitAppliedResponse& answer);
  ExitCode FailRolling(const v1::Rollout& rollout);

  Console console_;
  const Options& options_;
  const Format format_;
  std::optional<Identity> identity_;
  const Clock& clock_;
  AdminClient client_;
};

// What the command line asks for.
using Command = std::function<ExitCode(Session&)>;

}  // namespace heddle::cli
