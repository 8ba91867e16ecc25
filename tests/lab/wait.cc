#include "tests/lab/wait.h"

#include "absl/time/clock.h"
#include "tests/lab/time_scale.h"

namespace heddle::lab {

testing::AssertionResult Within(absl::Duration limit, const std::string& what,
                                const std::function<std::string()>& what_is_wrong) {
  const absl::Duration scaled = Scaled(limit);
  const absl::Time deadline = absl::Now() + scaled;
  absl::Duration pause = absl::Milliseconds(2);
  while (true) {
    const std::string wrong = what_is_wrong();
    if (wrong.empty()) return testing::AssertionSuccess();
    if (absl::Now() >= deadline) {
      return testing::AssertionFailure()
             << "not within " << absl::FormatDuration(scaled) << ": " << what << ": " << wrong;
    }
    absl::SleepFor(pause);
    pause = std::min(pause * 2, absl::Milliseconds(20));
  }
}

testing::AssertionResult Within(absl::Duration limit, const std::string& what,
                                const std::function<bool()>& condition) {
  return Within(limit, what, std::function<std::string()>([&condition] {
                  return condition() ? std::string() : std::string("it does not hold");
                }));
}

}  // namespace heddle::lab
