#include "cli/rollout_wait.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/text.h"
#include "cli/views.h"

namespace heddle::cli {
namespace {

constexpr absl::Duration kAskEvery = absl::Milliseconds(200);
constexpr int kNamed = 5;

// Tells what it has not told yet.
class Progress {
 public:
  explicit Progress(std::ostream* out) : out_(out) {}

  void Tell(const v1::GetNetworkResponse& answer) {
    if (answer.has_rollout()) {
      last_ = answer.rollout();
    } else if (last_.steps() > 0) {
      last_.set_step(last_.steps());
      last_.clear_waiting_for();
    } else {
      return;
    }
    std::string text = absl::StrCat(RolloutStepText(last_), answer.has_rollout() ? ": " : ".");
    if (answer.has_rollout()) {
      absl::StrAppend(&text, last_.done(), " of ", last_.nodes(), " nodes.");
      const std::string waits = RolloutWaitText(last_, kNamed);
      if (!waits.empty()) absl::StrAppend(&text, " Waiting for ", waits, ".");
    }
    if (out_ != nullptr && text != told_) *out_ << Printable(text) << std::endl;
    told_ = std::move(text);
  }

 private:
  std::ostream* const out_;
  v1::Rollout last_;
  std::string told_;
};

}  // namespace

absl::StatusOr<v1::GetNetworkResponse> FollowRollout(AdminClient* client, absl::Duration limit,
                                                     std::ostream* progress) {
  const absl::Time until = absl::Now() + limit;
  Progress told(progress);
  while (true) {
    const absl::StatusOr<v1::GetNetworkResponse> answer = client->GetNetwork();
    const bool over = absl::Now() >= until;
    if (answer.ok()) {
      told.Tell(*answer);
      if (over || !answer->has_rollout()) return answer;
    } else if (over || !absl::IsUnavailable(answer.status())) {
      return answer;
    }
    absl::SleepFor(std::min(kAskEvery, until - absl::Now()));
  }
}

}  // namespace heddle::cli
