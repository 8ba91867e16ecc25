#include "controller/call_rates.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace heddle::controller {
namespace {

using identity::Role;

class CallRatesTest : public ::testing::Test {
 protected:
  Caller Known(Role role, const std::string& name) {
    Caller caller;
    caller.secure = true;
    caller.principal = {role, name};
    caller.remote_address = "ipv4:192.0.2.1:4711";
    return caller;
  }
  Caller Stranger(const std::string& peer) {
    Caller caller;
    caller.secure = true;
    caller.remote_address = peer;
    return caller;
  }
  // How many of `times` calls at once are let through.
  int Flood(const Caller& caller, int times) {
    int through = 0;
    for (int i = 0; i < times; ++i) through += rates_.Take(caller, now_).ok();
    return through;
  }

  absl::Time now_ = absl::FromUnixSeconds(1700000000);
  CallRates rates_{now_};
};

TEST_F(CallRatesTest, ANodeThatFloodsIsSlowedAndItsNeighbourIsNot) {
  EXPECT_EQ(Flood(Known(Role::kNode, "h1"), 1000), 20);
  EXPECT_EQ(Flood(Known(Role::kNode, "h2"), 5), 5);
  now_ += absl::Seconds(1);
  EXPECT_EQ(Flood(Known(Role::kNode, "h1"), 1000), 2);
}

TEST_F(CallRatesTest, AnAdministratorIsSlowedByNameNotByAddress) {
  EXPECT_EQ(Flood(Known(Role::kAdmin, "alice"), 5000), 1000);
  EXPECT_EQ(Flood(Known(Role::kViewer, "bob"), 5), 5);
}

TEST_F(CallRatesTest, StrangersAreSlowedByHostWhateverTheirPort) {
  int through = 0;
  for (int port = 1; port <= 5000; ++port) {
    through += rates_.Take(Stranger(absl::StrCat("ipv4:192.0.2.9:", port)), now_).ok();
  }
  EXPECT_EQ(through, 1000);
  EXPECT_EQ(Flood(Stranger("ipv4:192.0.2.10:1"), 5), 5);
  EXPECT_EQ(Flood(Known(Role::kNode, "h1"), 5), 5) << "though from anywhere";
}

TEST_F(CallRatesTest, ControllersAreNot) {
  EXPECT_EQ(Flood(Known(Role::kController, "c1"), 5000), 5000);
}

TEST_F(CallRatesTest, TheRefusalSaysWho) {
  Flood(Known(Role::kNode, "h1"), 20);
  const absl::Status refused = rates_.Take(Known(Role::kNode, "h1"), now_);
  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  EXPECT_EQ(refused.message(), "'node/h1' calls too often; try again later");
}

}  // namespace
}  // namespace heddle::controller
