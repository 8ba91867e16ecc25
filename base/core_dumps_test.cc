#include "base/core_dumps.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace heddle {
namespace {

// In a child: it cannot be taken back.
TEST(CoreDumpsTest, AChildThatForbidsThemLeavesNone) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    struct rlimit limit = {1, 1};
    const bool is_done = ForbidCoreDumps().ok() && getrlimit(RLIMIT_CORE, &limit) == 0 &&
                         limit.rlim_cur == 0 && limit.rlim_max == 0 && prctl(PR_GET_DUMPABLE) == 0;
    if (!is_done) _exit(1);
    std::abort();
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "exit code " << WEXITSTATUS(status);
  EXPECT_FALSE(WCOREDUMP(status));
}

}  // namespace
}  // namespace heddle
