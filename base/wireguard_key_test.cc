#include "base/wireguard_key.h"

#include "gtest/gtest.h"

namespace heddle {
namespace {

TEST(WireguardKey, TextAndBytesAndBack) {
  std::string bytes;
  for (int i = 0; i < 32; ++i) bytes.push_back(static_cast<char>(i * 7));
  const WireguardKey key = *WireguardKey::FromBytes(bytes);
  EXPECT_EQ(key.ToBytes(), bytes);
  EXPECT_EQ(key.ToBase64().size(), 44u);
  EXPECT_EQ(*WireguardKey::Parse(key.ToBase64()), key);
  EXPECT_FALSE(key.is_zero());
}

TEST(WireguardKey, RefusesOtherLengthsAndKeepsTheTextToItself) {
  for (const char* text : {"", "secret", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
                           "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!="}) {
    const auto key = WireguardKey::Parse(text);
    ASSERT_FALSE(key.ok()) << text;
    EXPECT_EQ(key.status().message().find("secret"), absl::string_view::npos);
  }
  EXPECT_FALSE(WireguardKey::FromBytes("short").ok());
}

}  // namespace
}  // namespace heddle
