#include "node/instance_lock.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

namespace heddle::node {
namespace {

TEST(InstanceLock, IsOnePerNetworkNamespace) {
  std::thread([] {
    ASSERT_EQ(unshare(CLONE_NEWNET), 0) << "needs root";
    auto first = InstanceLock::Take();
    ASSERT_TRUE(first.ok()) << first.status();
    const auto second = InstanceLock::Take();
    EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
    std::thread([] {
      ASSERT_EQ(unshare(CLONE_NEWNET), 0);
      EXPECT_TRUE(InstanceLock::Take().ok()) << "another namespace has its own";
    }).join();
    { const InstanceLock moved = std::move(*first); }
    EXPECT_TRUE(InstanceLock::Take().ok()) << "given back";
  }).join();
}

}  // namespace
}  // namespace heddle::node
