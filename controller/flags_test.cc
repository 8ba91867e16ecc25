#include "controller/flags.h"

#include "gtest/gtest.h"

namespace heddle::controller {
namespace {

ParsedFlags Parse(const std::string& flag, const std::string& value) {
  const char* argv[] = {"heddle-controller", flag.c_str(), value.c_str()};
  return ParseFlags(3, argv);
}

TEST(FlagsTest, ListensOnHostAndPort) {
  for (const char* good : {"0.0.0.0:7411", "[::]:7411", "node-1.example:1", "192.0.2.1:65535"}) {
    const ParsedFlags parsed = Parse("--listen", good);
    EXPECT_EQ(parsed.exit_code, -1) << good;
    EXPECT_EQ(parsed.flags.listen, std::vector<std::string>{good});
  }
  const ParsedFlags two = Parse("--listen", "192.0.2.1:7411,[2001:db8::1]:7411");
  EXPECT_EQ(two.exit_code, -1);
  EXPECT_EQ(two.flags.listen.size(), 2u);
}

TEST(FlagsTest, RefusesAPortThatIsNone) {
  for (const char* bad : {"foo", ":7411", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:0",
                          "127.0.0.1:-1", "::1:7411", "[]:7411", "127.0.0.1:7411,bar"}) {
    EXPECT_EQ(Parse("--listen", bad).exit_code, kExitConfiguration) << bad;
  }
}

TEST(FlagsTest, DurationsHaveAUnit) {
  EXPECT_EQ(Parse("--lease-ttl", "1h30m").flags.lease_ttl, absl::Minutes(90));
  EXPECT_EQ(Parse("--lease-ttl", "5").exit_code, kExitConfiguration);
  EXPECT_EQ(Parse("--lease-ttl", "0s").exit_code, kExitConfiguration);
  EXPECT_EQ(Parse("--rest", "0s").exit_code, -1);
}

}  // namespace
}  // namespace heddle::controller
