#include "cli/exit_code.h"

#include <gtest/gtest.h>

namespace heddle::cli {
namespace {

TEST(ExitCodeOf, SortsErrors) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), ExitCode::kOk);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("")), ExitCode::kUnreachable);
  EXPECT_EQ(ExitCodeOf(absl::DeadlineExceededError("")), ExitCode::kUnreachable);
  EXPECT_EQ(ExitCodeOf(absl::FailedPreconditionError("")), ExitCode::kRefused);
  EXPECT_EQ(ExitCodeOf(absl::AlreadyExistsError("")), ExitCode::kRefused);
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("")), ExitCode::kRefused);
  EXPECT_EQ(ExitCodeOf(absl::ResourceExhaustedError("")), ExitCode::kRefused);
  EXPECT_EQ(ExitCodeOf(absl::UnimplementedError("")), ExitCode::kRefused);
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("")), ExitCode::kNotFound);
  EXPECT_EQ(ExitCodeOf(absl::InternalError("")), ExitCode::kFailure);
  EXPECT_EQ(ExitCodeOf(absl::UnknownError("")), ExitCode::kFailure);
}

TEST(ErrorText, SaysWhatWhyAndWhatNext) {
  EXPECT_EQ(ErrorText("cannot list the leases", absl::NotFoundError("no network is configured")),
            "heddlectl: cannot list the leases: no network is configured. See what there is with "
            "\"heddlectl node list\" and \"heddlectl lease list\".");
}

TEST(ErrorText, LeadsFromAConflictToTheLeases) {
  EXPECT_EQ(ErrorText("cannot reserve", absl::AlreadyExistsError("it is held by 'b'")),
            "heddlectl: cannot reserve: it is held by 'b'. See who holds what with \"heddlectl "
            "lease list --resting\".");
}

TEST(ErrorText, LeavesAControllersOwnNextStep) {
  EXPECT_EQ(ErrorText("cannot reserve", absl::AlreadyExistsError("b holds it. Release b first")),
            "heddlectl: cannot reserve: b holds it. Release b first.");
}

TEST(ErrorText, TakesAHalfSentenceAsANextStep) {
  EXPECT_EQ(ErrorText("cannot set", absl::UnimplementedError("udp is not built; take vxlan")),
            "heddlectl: cannot set: udp is not built; take vxlan.");
}

TEST(ErrorText, EscapesTheCause) {
  EXPECT_EQ(ErrorText("x", absl::InternalError("\x1b[2J. Do y.")), "heddlectl: x: \\x1b[2J. Do y.");
}

}  // namespace
}  // namespace heddle::cli
