#include "api/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "api/backend_schema.h"

namespace heddle {
namespace {

using ::testing::HasSubstr;

Prefix P(absl::string_view text) { return Prefix::Parse(text).value(); }
Ip A(absl::string_view text) { return Ip::Parse(text).value(); }

Network Good() {
  Network network;
  network.ranges[Family::kV4] = {P("10.3.0.0/16"), 24, A("10.3.1.0"), A("10.3.255.0")};
  network.ranges[Family::kV6] = {P("fc00::/48"), 64, A("fc00:0:0:1::"), A("fc00:0:0:ffff::")};
  network.backend = CompleteBackend({"vxlan", {}}).value();
  return network;
}

std::string ErrorOf(const Network& network) {
  const absl::Status status = Validate(network);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(Range, CountsItsSubnets) {
  const Network network = Good();
  EXPECT_EQ(network.ranges[Family::kV4]->subnet_count(), 255u);
  EXPECT_EQ(network.ranges[Family::kV6]->subnet_count(), 65535u);
  const Range everything{P("::/0"), 126, A("::"), A("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffc")};
  EXPECT_EQ(everything.subnet_count(), ~std::uint64_t{0}) << "saturates";
  const Range upside_down{P("10.3.0.0/16"), 24, A("10.3.9.0"), A("10.3.8.0")};
  EXPECT_EQ(upside_down.subnet_count(), 0u);
}

TEST(Range, AllowsItsOwnGridOnly) {
  const Network network = Good();
  const Range& range = *network.ranges[Family::kV4];
  EXPECT_TRUE(range.Allows(P("10.3.1.0/24")));
  EXPECT_TRUE(range.Allows(P("10.3.255.0/24")));
  for (const char* no : {"10.3.0.0/24", "10.4.0.0/24", "10.3.1.0/25", "fc00::/24"}) {
    EXPECT_FALSE(range.Allows(P(no))) << no;
  }
}

TEST(ValidateNetwork, AcceptsWhatIsGood) { EXPECT_EQ(Validate(Good()), absl::OkStatus()); }

TEST(ValidateNetwork, ChecksBothFamiliesAlike) {
  for (Family family : kFamilies) {
    Network network = Good();
    Range& range = *network.ranges[family];
    std::swap(range.subnet_min, range.subnet_max);
    EXPECT_THAT(ErrorOf(network), HasSubstr(RangeKey(family, "SubnetMin")));
    network = Good();
    network.ranges[family]->subnet_length = 0;
    EXPECT_THAT(ErrorOf(network), HasSubstr(RangeKey(family, "SubnetLen")));
    network = Good();
    network.ranges[family]->subnet_max = Ip(family, 4096);
    EXPECT_THAT(ErrorOf(network), HasSubstr("lies outside"));
    network = Good();
    network.ranges[family] = Good().ranges[family == Family::kV4 ? Family::kV6 : Family::kV4];
    EXPECT_THAT(ErrorOf(network), HasSubstr(RangeKey(family, "Network")));
  }
}

TEST(ValidateNetwork, BoundsTheNumberOfSubnets) {
  Network network = Good();
  Range& range = *network.ranges[Family::kV6];
  range = {P("fc00::/24"), 64, A("fc00::"), A("fc00:0:1fff:ffff::")};
  EXPECT_EQ(Validate(network), absl::OkStatus()) << "the 2^29th";
  range.subnet_max = A("fc00:0:2000::");
  EXPECT_THAT(ErrorOf(network), HasSubstr("set IPv6SubnetMax to fc00:0:1fff:ffff:: or lower"));
}

TEST(ValidateNetwork, NeedsARangeAndACompleteBackend) {
  Network network = Good();
  network.ranges[Family::kV4].reset();
  network.ranges[Family::kV6].reset();
  EXPECT_THAT(ErrorOf(network), HasSubstr("Network"));
  network = Good();
  network.backend.options.erase("VNI");
  EXPECT_THAT(ErrorOf(network), HasSubstr("not complete"));
  network = Good();
  network.backend.options["Port"] = std::int64_t{0};
  EXPECT_THAT(ErrorOf(network), HasSubstr("not complete"));
}

TEST(ValidateNetwork, RefusesAnIpv4BackendForIpv6) {
  Network network = Good();
  network.backend = CompleteBackend({"ipip", {}}).value();
  EXPECT_THAT(ErrorOf(network), HasSubstr("EnableIPv6"));
  Network changing = Good();
  changing.standby = network.backend;
  EXPECT_THAT(ErrorOf(changing), HasSubstr("'ipip' carries IPv4 alone"));
  network.ranges[Family::kV6].reset();
  EXPECT_EQ(Validate(network), absl::OkStatus());
}

TEST(Backend, CompletesWithFlannelsDefaults) {
  const BackendConfig vxlan = CompleteBackend({"VxLan", {}}).value();
  EXPECT_EQ(vxlan.type, "vxlan");
  EXPECT_EQ(vxlan.Int("VNI"), 1);
  EXPECT_EQ(vxlan.Int("Port"), 8472);
  EXPECT_EQ(vxlan.Int("MTU"), 0);
  EXPECT_EQ(vxlan.Text("MacPrefix"), "");
  for (const char* flag : {"GBP", "Learning", "DirectRouting"}) EXPECT_FALSE(vxlan.Bool(flag));
  EXPECT_TRUE(vxlan.Bool("ChecksumOffload"));
  EXPECT_EQ(CompleteBackend({"udp", {}})->Int("Port"), 8285);
  EXPECT_EQ(CompleteBackend({"wireguard", {}})->Int("ListenPortV6"), 51821);
}

TEST(Backend, AskingForAnotherTypeGivesNothing) {
  const BackendConfig vxlan = CompleteBackend({"vxlan", {}}).value();
  EXPECT_EQ(vxlan.Int("MacPrefix"), 0);
  EXPECT_EQ(vxlan.Text("VNI"), "");
  EXPECT_FALSE(vxlan.Bool("NoSuchKey"));
}

TEST(Backend, RefusesOptionsByName) {
  const auto error = [](const char* type, const char* key, OptionValue value) {
    const auto complete = CompleteBackend({type, {{key, value}}});
    EXPECT_EQ(complete.status().code(), absl::StatusCode::kInvalidArgument) << key;
    return std::string(complete.status().message());
  };
  EXPECT_THAT(error("vxlan", "VNI", std::int64_t{0}), HasSubstr("VNI must be between 1 and"));
  EXPECT_THAT(error("vxlan", "VNI", std::int64_t{1} << 24), HasSubstr("16777215"));
  EXPECT_THAT(error("vxlan", "Port", std::int64_t{65536}), HasSubstr("Port must be between"));
  EXPECT_THAT(error("vxlan", "MTU", std::int64_t{575}), HasSubstr("or 0 for the default"));
  EXPECT_THAT(error("vxlan", "GBP", std::string("true")), HasSubstr("must be true or false"));
  EXPECT_THAT(error("vxlan", "MacPrefix", std::string("0F-2A")), HasSubstr("multicast"));
  EXPECT_THAT(error("vxlan", "MacPrefix", std::string("0E2A")), HasSubstr("0E-2A"));
  EXPECT_THAT(error("vxlan", "Prt", std::int64_t{1}), HasSubstr("did you mean 'Port'?"));
  EXPECT_THAT(error("host-gw", "Name", std::string("cbr0")), HasSubstr("'Name' is not known"));
  EXPECT_THAT(error("ipsec", "UDPEncap", true), HasSubstr("PSK must be set"));
  EXPECT_THAT(error("wireguard", "Mode", std::string("both")), HasSubstr("one of separate"));
  EXPECT_THAT(
      error("wireguard", "PSK", std::string("short-secret")),
      ::testing::AllOf(HasSubstr("PSK must be a key"), ::testing::Not(HasSubstr("short-secret"))));
  EXPECT_TRUE(CompleteBackend({"vxlan", {{"macprefix", std::string("0e:2a:11")}}}).ok());
  EXPECT_THAT(
      std::string(CompleteBackend({"vxlan", {{"VNI", std::int64_t{1}}, {"vni", std::int64_t{2}}}})
                      .status()
                      .message()),
      HasSubstr("given twice"));
}

TEST(Backend, SaysWhatIsBuilt) {
  for (const char* type : {"vxlan", "host-gw", "ipip", "wireguard", "udp", "alloc"}) {
    EXPECT_EQ(RequireBuilt({type, {}}), absl::OkStatus());
  }
  const absl::Status status = RequireBuilt({"ipsec", {}});
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(status.message()),
              ::testing::AllOf(HasSubstr("'ipsec' is not built"), HasSubstr("vxlan, host-gw")));
}

TEST(NearestWord, SuggestsOnlyWhatIsNear) {
  const std::vector<std::string> words = {"Network", "SubnetLen", "Backend"};
  EXPECT_EQ(NearestWord("netwrok", words), "Network");
  EXPECT_EQ(NearestWord("SUBNETLEN", words), "SubnetLen");
  EXPECT_EQ(NearestWord("completely-else", words), "");
  EXPECT_EQ(NearestWord("", words), "");
  EXPECT_EQ(NearestWord(std::string(1 << 20, 'x'), words), "");
}

}  // namespace
}  // namespace heddle
