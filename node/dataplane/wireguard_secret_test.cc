#include "node/dataplane/wireguard_secret.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "base/file.h"

namespace heddle::node {
namespace {

// RFC 7748, section 6.1: Alice's keys, in base64.
constexpr char kPrivate[] = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=";
constexpr char kPublic[] = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";

std::string Path(const std::string& name) {
  const char* folder = std::getenv("TEST_TMPDIR");
  return std::string(folder == nullptr ? "/tmp" : folder) + "/" + name;
}

int ModeOf(const std::string& path) {
  struct stat file;
  return stat(path.c_str(), &file) == 0 ? static_cast<int>(file.st_mode & 07777) : -1;
}

TEST(WireguardSecret, IsMadeOnceAndKept) {
  const std::string path = Path("made/key");
  const auto made = LoadOrMakeWireguardSecret(path);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_FALSE(made->public_key.is_zero());
  EXPECT_EQ(ModeOf(path), 0600);
  EXPECT_EQ(ModeOf(Path("made")), 0700);
  const auto again = LoadOrMakeWireguardSecret(path);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->public_key, made->public_key);
  EXPECT_EQ(again->private_key, made->private_key);
  EXPECT_NE(LoadOrMakeWireguardSecret(Path("other/key"))->public_key, made->public_key);
}

TEST(WireguardSecret, ThePublicKeyIsTheOneThatBelongsToIt) {
  const std::string path = Path("known");
  ASSERT_TRUE(WriteFileAtomically(path, std::string(kPrivate) + "\n", 0600).ok());
  const auto secret = LoadOrMakeWireguardSecret(path);
  ASSERT_TRUE(secret.ok()) << secret.status();
  EXPECT_EQ(secret->public_key.ToBase64(), kPublic);
}

TEST(WireguardSecret, AFileThatOthersMayReadIsRefusedAndLeftAlone) {
  const std::string path = Path("open");
  for (int mode : {0640, 0604, 0620}) {
    ASSERT_TRUE(WriteFileAtomically(path, kPrivate, mode).ok());
    const auto secret = LoadOrMakeWireguardSecret(path);
    EXPECT_EQ(secret.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_NE(secret.status().message().find("chmod 600"), absl::string_view::npos);
    EXPECT_EQ(*ReadFile(path), kPrivate);
  }
}

TEST(WireguardSecret, WhatIsNoKeyIsRefusedWithoutItsText) {
  const std::string path = Path("bad");
  const std::string zero(43, 'A');
  for (const std::string& text :
       {std::string(), std::string("secret"), zero + "=", std::string(100'000, 'x')}) {
    ASSERT_TRUE(WriteFileAtomically(path, text, 0600).ok());
    const auto secret = LoadOrMakeWireguardSecret(path);
    ASSERT_FALSE(secret.ok());
    EXPECT_NE(secret.status().message().find(path), absl::string_view::npos) << secret.status();
    EXPECT_EQ(secret.status().message().find("secret"), absl::string_view::npos);
    EXPECT_EQ(*ReadFile(path), text);
  }
  EXPECT_FALSE(LoadOrMakeWireguardSecret(Path(".")).ok());
}

TEST(WireguardSecret, AFileThatCannotBeMadeIsNamed) {
  ASSERT_TRUE(WriteFileAtomically(Path("file"), "", 0600).ok());
  const auto secret = LoadOrMakeWireguardSecret(Path("file/key"));
  ASSERT_FALSE(secret.ok());
  EXPECT_NE(secret.status().message().find("file/key"), absl::string_view::npos) << secret.status();
}

}  // namespace
}  // namespace heddle::node
