#include "controller/net_conf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "controller/subnet_pool.h"

namespace heddle::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// "network min max length" of one family, or the error.
std::string RangeText(absl::string_view json, Family family = Family::kV4) {
  const auto parsed = ParseNetConf(json);
  if (!parsed.ok()) return std::string(parsed.status().message());
  const auto& range = parsed->network.ranges[family];
  if (!range) return "none";
  return absl::StrCat(range->network.ToString(), " ", range->subnet_min.ToString(), " ",
                      range->subnet_max.ToString(), " ", range->subnet_length);
}

std::string ErrorOf(absl::string_view json) {
  const auto parsed = ParseNetConf(json);
  if (parsed.ok()) return "accepted";
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(parsed.status().message());
}

std::string V6(absl::string_view keys) {
  return absl::StrCat(R"({"EnableIPv4": false, "EnableIPv6": true, "Backend": {"Type": "vxlan"}, )",
                      keys, "}");
}

TEST(NetConf, Ipv4DefaultsAreFlannels) {
  EXPECT_EQ(RangeText(R"({"Network": "10.3.0.0/16"})"), "10.3.0.0/16 10.3.1.0 10.3.255.0 24");
  EXPECT_EQ(RangeText(R"({"Network": "10.3.7.9/16"})"), "10.3.0.0/16 10.3.1.0 10.3.255.0 24");
  EXPECT_EQ(RangeText(R"({"Network": "10.3.0.0/22"})"), "10.3.0.0/22 10.3.1.0 10.3.3.0 24");
  EXPECT_EQ(RangeText(R"({"Network": "10.3.0.0/23"})"), "10.3.0.0/23 10.3.0.128 10.3.1.128 25");
  EXPECT_EQ(RangeText(R"({"Network": "10.3.0.0/28"})"), "10.3.0.0/28 10.3.0.4 10.3.0.12 30");
  EXPECT_EQ(RangeText(R"({"Network": "10.3.0.0/16", "SubnetLen": 0})"),
            "10.3.0.0/16 10.3.1.0 10.3.255.0 24");
  EXPECT_EQ(RangeText(R"({"Network": "10.3.0.0/16", "SubnetLen": 28, "SubnetMin": "10.3.5.0",
                          "SubnetMax": "10.3.8.0"})"),
            "10.3.0.0/16 10.3.5.0 10.3.8.0 28");
  EXPECT_EQ(RangeText(R"({"Network": "0.0.0.0/0"})"), "0.0.0.0/0 0.0.1.0 255.255.255.0 24");
}

TEST(NetConf, Ipv6DefaultsAreFlannels) {
  EXPECT_EQ(RangeText(V6(R"("IPv6Network": "fc00::/48")"), Family::kV6),
            "fc00::/48 fc00:0:0:1:: fc00:0:0:ffff:: 64");
  EXPECT_EQ(RangeText(V6(R"("IPv6Network": "fc00::/62")"), Family::kV6),
            "fc00::/62 fc00:0:0:1:: fc00:0:0:3:: 64");
  EXPECT_EQ(RangeText(V6(R"("IPv6Network": "fc00::/63")"), Family::kV6),
            "fc00::/63 fc00::8000:0:0:0 fc00:0:0:1:8000:: 65");
  EXPECT_EQ(RangeText(V6(R"("IPv6Network": "fc00::/124")"), Family::kV6),
            "fc00::/124 fc00::4 fc00::c 126");
  EXPECT_EQ(RangeText(V6(R"("IPv6Network": "fc00::/48", "IPv6SubnetMin": "fc00:0:0:5::",
                            "IPv6SubnetMax": "fc00:0:0:8::", "IPv6SubnetLen": 66)"),
                      Family::kV6),
            "fc00::/48 fc00:0:0:5:: fc00:0:0:8:: 66");
}

TEST(NetConf, DefaultCapacityLeavesOutTheFirstSubnet) {
  const auto parsed = ParseNetConf(R"({"Network": "10.3.0.0/16"})");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->network.ranges[Family::kV4]->subnet_count(), 255u);
}

TEST(NetConf, TheSeedConfigurationAllocatesByTheBook) {
  const auto parsed = ParseNetConf(
      R"({"Network":"10.0.0.0/8","SubnetLen":20,"SubnetMin":"10.10.0.0","SubnetMax":"10.99.0.0",
          "Backend":{"Type":"udp","Port":7890}})");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->network.backend.type, "udp");
  EXPECT_EQ(parsed->network.backend.Int("Port"), 7890);
  EXPECT_EQ(RequireBuilt(parsed->network.backend), absl::OkStatus());
  SubnetPool pool(*parsed->network.ranges[Family::kV4]);
  EXPECT_EQ(pool.total_count(), (99u - 10u) * 16 + 1);
  for (const char* subnet : {"10.10.0.0/20", "10.10.16.0/20", "10.10.32.0/20"}) {
    ASSERT_EQ(pool.Lowest()->ToString(), subnet);
    pool.Take(*pool.Lowest());
  }
  Prefix last;
  while (const auto lowest = pool.Lowest()) pool.Take(last = *lowest);
  EXPECT_EQ(last.ToString(), "10.99.0.0/20");
}

TEST(NetConf, KeysInAnyLetterCase) {
  const auto parsed = ParseNetConf(
      R"({"network": "10.3.0.0/16", "SUBNETLEN": 26, "enableIPv6": true,
          "ipv6network": "fc00::/48", "BACKEND": {"type": "VXLAN", "vni": 7, "PORT": 0}})");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->network.ranges[Family::kV4]->subnet_length, 26);
  EXPECT_TRUE(parsed->network.ranges[Family::kV6].has_value());
  EXPECT_EQ(parsed->network.backend.type, "vxlan");
  EXPECT_EQ(parsed->network.backend.Int("VNI"), 7);
  EXPECT_EQ(parsed->network.backend.Int("Port"), 8472) << "0 means the default, as in flannel";
  EXPECT_THAT(parsed->notices, IsEmpty());
}

TEST(NetConf, NoBackendMeansUdpWithANotice) {
  const auto parsed = ParseNetConf(R"({"Network": "10.3.0.0/16"})");
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->network.backend.type, "udp");
  EXPECT_EQ(parsed->network.backend.Int("Port"), 8285);
  EXPECT_THAT(parsed->notices, ElementsAre(HasSubstr("vxlan is the better choice")));
}

TEST(NetConf, NoticesWhatHasNoEffect) {
  const auto parsed = ParseNetConf(
      R"({"Network": "10.3.0.0/16", "IPv6Network": "fc00::/48", "EnableNFTables": false,
          "Backend": {"Type": "host-gw"}})");
  ASSERT_TRUE(parsed.ok());
  EXPECT_FALSE(parsed->network.ranges[Family::kV6].has_value());
  EXPECT_THAT(parsed->notices,
              ElementsAre(HasSubstr("EnableIPv6 is false"), HasSubstr("nftables")));
}

TEST(NetConf, RefusesWhatIsNotAConfiguration) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("is empty"));
  EXPECT_THAT(ErrorOf(" \n"), HasSubstr("is empty"));
  EXPECT_THAT(ErrorOf("x"), HasSubstr("line 1, column 1"));
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("must be one JSON object, not array"));
  EXPECT_THAT(ErrorOf("{\n  \"Network\": \"10.3.0.0/16\",\n  oops}"),
              HasSubstr("line 3, column 3"));
  EXPECT_THAT(ErrorOf(R"({"Network": "10.3.0.0/16"} {})"), HasSubstr("not valid JSON"));
  EXPECT_THAT(ErrorOf(std::string(100000, '[')), HasSubstr("nested deeper"));
  EXPECT_THAT(ErrorOf(std::string(2 << 20, ' ')), HasSubstr("bytes long"));
  EXPECT_THAT(ErrorOf(R"({"Network": "10.3.0.0/16", "network": "10.4.0.0/16"})"),
              HasSubstr("network is given twice"));
  EXPECT_THAT(ErrorOf(R"({"Network": 1e999})"), HasSubstr("not valid JSON"));
  EXPECT_THAT(ErrorOf("{\"Network\": \"\xff\"}"), HasSubstr("not valid JSON"));
}

TEST(NetConf, RefusesUnknownKeysNamingTheNearest) {
  EXPECT_THAT(ErrorOf(R"({"Netwrok": "10.3.0.0/16"})"), HasSubstr("did you mean Network?"));
  EXPECT_THAT(ErrorOf(R"({"Network": "10.3.0.0/16", "SubnetLength": 24})"),
              HasSubstr("did you mean SubnetLen?"));
  EXPECT_THAT(ErrorOf(R"({"Network": "10.3.0.0/16", "Zyx": 1})"), HasSubstr("Zyx is not known"));
  EXPECT_THAT(ErrorOf(R"({"Networks": ["10.3.0.0/16"]})"), HasSubstr("MultiClusterCIDR"));
  EXPECT_THAT(ErrorOf(R"({"Network": "10.3.0.0/16", "Backend": {"Type": "vxlan", "VMI": 1}})"),
              HasSubstr("did you mean 'VNI'?"));
  EXPECT_THAT(ErrorOf(R"({"Network": "10.3.0.0/16", "Backend": {"Type": "vxlann"}})"),
              HasSubstr("did you mean 'vxlan'?"));
}

TEST(NetConf, RefusesWrongTypesNamingKeyAndType) {
  EXPECT_THAT(ErrorOf(R"({"Network": 10})"), HasSubstr("Network must be an IPv4 network"));
  EXPECT_THAT(ErrorOf(R"({"Network": "10.3.0.0"})"), HasSubstr("Network must be an IPv4 network"));
  EXPECT_THAT(ErrorOf(R"({"Network": "fc00::/48"})"), HasSubstr("Network must be an IPv4 network"));
  EXPECT_THAT(ErrorOf(R"({"Network": "10.3.0.0/16", "SubnetLen": "24"})"),
              HasSubstr("SubnetLen must be a prefix length as an integer, not string"));
  EXPECT_THAT(ErrorOf(R"({"Network": "10.3.0.0/16", "SubnetLen": -1})"), HasSubstr("SubnetLen"));
  EXPECT_THAT(ErrorOf(R"({"Network": "10.3.0.0/16", "SubnetLen": 24.5})"), HasSubstr("SubnetLen"));
  EXPECT_THAT(ErrorOf(R"({"Network": "10.3.0.0/16", "EnableIPv6": "yes"})"),
              HasSubstr("EnableIPv6 must be true or false, not string"));
  EXPECT_THAT(ErrorOf(R"({"Network": "10.3.0.0/16", "Backend": "vxlan"})"),
              HasSubstr("Backend must be an object"));
  EXPECT_THAT(ErrorOf(R"({"Network": "10.3.0.0/16", "Backend": {"Type": "vxlan", "VNI": "1"}})"),
              HasSubstr("Backend.VNI must be an integer, not a string"));
  EXPECT_THAT(ErrorOf(R"({"Network": "10.3.0.0/16", "Backend": {}})"),
              HasSubstr("Backend.Type is missing"));
}

TEST(NetConf, RefusesRangesThatCannotWork) {
  const auto with = [](absl::string_view keys) {
    return ErrorOf(absl::StrCat(R"({"Network": "10.3.0.0/16", )", keys, "}"));
  };
  EXPECT_THAT(with(R"("SubnetMin": "10.3.9.0", "SubnetMax": "10.3.8.0")"),
              HasSubstr("SubnetMin: 10.3.9.0 is above SubnetMax 10.3.8.0"));
  EXPECT_THAT(with(R"("SubnetMin": "10.3.9.7")"), HasSubstr("the nearest one is 10.3.9.0"));
  EXPECT_THAT(with(R"("SubnetMin": "10.3.9.200")"), HasSubstr("the nearest one is 10.3.10.0"));
  EXPECT_THAT(with(R"("SubnetMax": "10.3.255.255")"), HasSubstr("the nearest one is 10.3.255.0"));
  EXPECT_THAT(with(R"("SubnetMax": "10.4.0.0")"), HasSubstr("SubnetMax: 10.4.0.0 lies outside"));
  EXPECT_THAT(with(R"("SubnetLen": 17)"), HasSubstr("SubnetLen: 17 does not fit"));
  EXPECT_THAT(with(R"("SubnetLen": 31)"), HasSubstr("SubnetLen: 31 does not fit"));
  EXPECT_THAT(with(R"("SubnetLen": 4000000000)"), HasSubstr("SubnetLen: 4000000000 is longer"));
  EXPECT_THAT(ErrorOf(R"({"Network": "10.3.0.0/29"})"), HasSubstr("Network: 10.3.0.0/29 is too"));
  EXPECT_THAT(ErrorOf(V6(R"("IPv6Network": "fc00::/125")")), HasSubstr("IPv6Network: fc00::/125"));
  EXPECT_THAT(ErrorOf(V6(R"("IPv6Network": "fc00::/20")")), HasSubstr("set IPv6SubnetMax to "));
  EXPECT_THAT(ErrorOf(V6(R"("IPv6Network": "fc00::/48", "IPv6SubnetMin": "10.0.0.0")")),
              HasSubstr("IPv6SubnetMin must be the IPv6 base address"));
}

TEST(NetConf, RefusesAMissingNetwork) {
  EXPECT_THAT(ErrorOf("{}"), HasSubstr("Network is missing"));
  EXPECT_THAT(ErrorOf(R"({"Network": "10.3.0.0/16", "EnableIPv6": true})"),
              HasSubstr("IPv6Network is missing"));
  EXPECT_THAT(ErrorOf(R"({"EnableIPv4": false})"), HasSubstr("both false"));
}

}  // namespace
}  // namespace heddle::controller
