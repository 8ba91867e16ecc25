#include "base/mac.h"

#include <gtest/gtest.h>

namespace heddle {
namespace {

TEST(Mac, ParsesBothSeparatorsAndPrintsOne) {
  EXPECT_EQ(Mac::Parse("0E-2A-00-00-00-01")->ToString(), "0e:2a:00:00:00:01");
  EXPECT_EQ(Mac::Parse("0e:2a:ff:00:00:01")->bytes[2], 0xff);
}

TEST(Mac, RefusesWhatIsNoAddress) {
  for (const char* bad : {"", "0e:2a:00:00:00", "0e:2a:00:00:00:0g", "0e2a.0000.0001",
                          "0e:2a:00:00:00:01:", "0e:2a:00:00:00:1 ", "0e 2a 00 00 00 01"}) {
    EXPECT_EQ(Mac::Parse(bad).status().code(), absl::StatusCode::kInvalidArgument) << bad;
  }
}

TEST(Mac, BytesRoundTrip) {
  const Mac mac = Mac::Parse("02:00:00:aa:00:ff").value();
  EXPECT_EQ(Mac::FromBytes(mac.ToBytes()).value(), mac);
  EXPECT_FALSE(Mac::FromBytes("12345").ok());
  EXPECT_FALSE(Mac::FromBytes("1234567").ok());
}

TEST(Mac, KnowsItsKind) {
  EXPECT_TRUE(Mac{}.is_zero());
  EXPECT_TRUE(Mac::Parse("01:00:5e:00:00:01")->is_multicast());
  EXPECT_TRUE(Mac::Parse("ff:ff:ff:ff:ff:ff")->is_multicast());
  EXPECT_FALSE(Mac::Parse("02:00:00:00:00:01")->is_multicast());
}

}  // namespace
}  // namespace heddle
