#include "controller/grpc_bytes.h"

#include "gtest/gtest.h"

namespace heddle::controller {
namespace {

TEST(PeerAddressTest, IsWrittenAsPeopleWriteIt) {
  EXPECT_EQ(PeerAddress("ipv4:192.0.2.1:4000"), "192.0.2.1:4000");
  EXPECT_EQ(PeerAddress("ipv6:%5B2001:db8::1%5D:4000"), "[2001:db8::1]:4000");
  EXPECT_EQ(PeerAddress("ipv6:[::1]:4000"), "[::1]:4000");
  EXPECT_EQ(PeerAddress("ipv6:%5Bfe80::1%25eth0%5D:4000"), "[fe80::1%eth0]:4000");
  EXPECT_EQ(PeerAddress("unix:/run/x"), "unix:/run/x");
  EXPECT_EQ(PeerAddress(""), "");
}

}  // namespace
}  // namespace heddle::controller
