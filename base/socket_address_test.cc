#include "base/socket_address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

namespace heddle {
namespace {

TEST(SocketAddressTest, SaysWhatTheSystemSays) {
  SocketAddress v4 = ToSocketAddress(*Ip::Parse("192.0.2.7"), 8285);
  char text[INET6_ADDRSTRLEN];
  EXPECT_STREQ(
      inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(v4.get())->sin_addr, text, sizeof(text)),
      "192.0.2.7");
  SocketAddress v6 = ToSocketAddress(*Ip::Parse("2001:db8:1::fe"), 8285);
  EXPECT_STREQ(inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6*>(v6.get())->sin6_addr, text,
                         sizeof(text)),
               "2001:db8:1::fe");
  EXPECT_EQ(reinterpret_cast<sockaddr_in6*>(v6.get())->sin6_port, htons(8285));
}

TEST(SocketAddressTest, ComesBackAsItWas) {
  for (const char* text : {"0.0.0.0", "255.255.255.255", "10.1.2.3", "::", "fd00:1:2:3:4:5:6:7"}) {
    const Ip ip = *Ip::Parse(text);
    const SocketAddress address = ToSocketAddress(ip, 65535);
    ASSERT_EQ(ToIp(address), ip);
    EXPECT_EQ(PortOf(address), 65535);
  }
}

TEST(SocketAddressTest, OtherFamiliesAreNone) {
  SocketAddress address;
  address.storage.ss_family = AF_UNIX;
  EXPECT_EQ(ToIp(address), std::nullopt);
}

}  // namespace
}  // namespace heddle
