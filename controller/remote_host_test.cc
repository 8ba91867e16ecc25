#include "controller/remote_host.h"

#include <gtest/gtest.h>

namespace heddle::controller {
namespace {

TEST(RemoteHost, IsTheAddressWithoutThePort) {
  EXPECT_EQ(RemoteHost("ipv4:192.0.2.1:4711"), "192.0.2.1");
  EXPECT_EQ(RemoteHost("ipv6:[::ffff:192.0.2.1]:4711"), "192.0.2.1");
}

TEST(RemoteHost, OfIpv6ItIsTheNetworkOfOneHost) {
  EXPECT_EQ(RemoteHost("ipv6:[2001:db8::1]:4711"), "2001:db8::/64");
  EXPECT_EQ(RemoteHost("ipv6:%5B2001:db8::2:3:4:5%5D:12"), "2001:db8::/64");
  EXPECT_EQ(RemoteHost("ipv6:[2001:db8:0:1::1]:4711"), "2001:db8:0:1::/64");
  EXPECT_EQ(RemoteHost("ipv6:[fe80::1%25eth0]:4711"), "fe80::/64");
}

TEST(RemoteHost, AnythingElseStaysAsItIs) {
  for (const char* peer : {"", "ipv4:", "ipv6:", "ipv4:x:1", "ipv6:[]:1", "unix:/run/x", "unknown"})
    EXPECT_EQ(RemoteHost(peer), peer);
}

}  // namespace
}  // namespace heddle::controller
