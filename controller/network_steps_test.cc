#include "controller/network_steps.h"

#include "api/backend_schema.h"
#include "controller/lease_book_test_bench.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heddle::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

// What the administrator is told of the step in which `type` is built beside vxlan.
std::string BuildingStep(const std::string& type) {
  const Range range = RangeOf("10.3.0.0/20", 24, "10.3.1.0", "10.3.15.0");
  BookBench bench;
  bench.SetNetwork(NetworkOf({range}));
  bench.Acquire("a");
  Network next = *bench.book.network();
  next.backend = *CompleteBackend({type, {}});
  const auto steps = PlanNetworkChange(bench.book, next);
  EXPECT_THAT(steps, SizeIs(4));
  return steps.size() == 4 ? steps[1].title + steps[1].effects[2] : "";
}

TEST(NetworkStepsTest, TimeForKeysIsPromisedOnlyToWhatAgreesOnThem) {
  EXPECT_THAT(BuildingStep("wireguard"), HasSubstr("7s for it to agree on keys"));
  EXPECT_THAT(BuildingStep("ipip"), HasSubstr("names it and its reason."));
  EXPECT_THAT(BuildingStep("ipip"), Not(HasSubstr("agree on keys")));
}

}  // namespace
}  // namespace heddle::controller
