#include "controller/network_secrets.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "controller/net_conf.h"

namespace heddle::controller {
namespace {

constexpr char kKey[] = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=";
const std::string kJson = std::string(R"({"network":"10.3.0.0/16","BACKEND":{"psk":")") + kKey +
                          R"(","Type":"WireGuard","ListenPort":51900}})";

Network Stored() {
  const auto parsed = ParseNetConf(kJson);
  EXPECT_TRUE(parsed.ok()) << parsed.status();
  return parsed->network;
}

TEST(NetworkSecretsTest, AKeyIsHiddenAndNothingElse) {
  const Network hidden = WithoutSecrets(Stored());
  EXPECT_EQ(hidden.backend.Text("PSK"), kHidden);
  EXPECT_EQ(hidden.backend.Int("ListenPort"), 51900);
  const std::string json = JsonWithoutSecrets(kJson);
  EXPECT_FALSE(absl::StrContains(json, kKey)) << json;
  EXPECT_TRUE(absl::StrContains(json, "51900")) << json;
}

TEST(NetworkSecretsTest, ASecondBackendsKeyIsHiddenToo) {
  Network network = Stored();
  network.standby = network.backend;
  EXPECT_EQ(WithoutSecrets(network).standby->Text("PSK"), kHidden);
}

TEST(NetworkSecretsTest, NoKeyIsNotHidden) {
  const std::string plain = R"({"Network":"10.3.0.0/16","Backend":{"Type":"wireguard"}})";
  EXPECT_EQ(JsonWithoutSecrets(plain), plain);
  EXPECT_EQ(WithoutSecrets(ParseNetConf(plain)->network).backend.Text("PSK"), "");
}

TEST(NetworkSecretsTest, WhatCannotBeReadIsNotShown) {
  EXPECT_EQ(JsonWithoutSecrets(std::string("{\"Backend\": ") + kKey), kHidden);
}

TEST(NetworkSecretsTest, ShownEditedAndSetKeepsTheKey) {
  const Network stored = Stored();
  const auto filled = JsonWithSecretsOf(&stored, JsonWithoutSecrets(kJson));
  ASSERT_TRUE(filled.ok()) << filled.status();
  EXPECT_EQ(ParseNetConf(*filled)->network, stored);
}

TEST(NetworkSecretsTest, HiddenWithoutAStoredKeyIsRefused) {
  const std::string hidden = JsonWithoutSecrets(kJson);
  const Network plain =
      ParseNetConf(R"({"Network":"10.3.0.0/16","Backend":{"Type":"vxlan"}})")->network;
  for (const Network* stored : {static_cast<const Network*>(nullptr), &plain}) {
    EXPECT_TRUE(absl::IsFailedPrecondition(JsonWithSecretsOf(stored, hidden).status()));
  }
}

TEST(NetworkSecretsTest, WhatSaysNothingHiddenStaysAsItIsByteForByte) {
  const Network stored = Stored();
  for (const std::string& text : {kJson, std::string("{ (hidden)"), std::string("[]")}) {
    EXPECT_EQ(*JsonWithSecretsOf(&stored, text), text);
  }
}

}  // namespace
}  // namespace heddle::controller
