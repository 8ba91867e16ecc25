#include "storage/etcd/credentials.h"

#include <filesystem>

#include "absl/strings/match.h"
#include "base/file.h"
#include "gtest/gtest.h"
#include "storage/etcd/client.h"
#include "storage/etcd/etcd_store.h"
#include "storage/etcd/test_certificates.h"

namespace heddle::storage {
namespace {

class EtcdCredentialsTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directories(folder_); }
  std::string Write(const std::string& name, const std::string& content) {
    const std::string path = folder_ + "/" + name;
    EXPECT_TRUE(WriteFileAtomically(path, content, 0600).ok());
    return path;
  }
  // That it is refused, and the message has `words`.
  void ExpectRefused(const EtcdOptions& options, const std::string& words) {
    const absl::Status refused = ReadCredentials(options).status();
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
    EXPECT_TRUE(absl::StrContains(refused.message(), words)) << refused;
    EXPECT_FALSE(absl::StrContains(refused.message(), "secret")) << refused;
  }

  const std::string folder_ =
      testing::TempDir() + "/" + testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(EtcdCredentialsTest, ACertificateGoesByItsCommonName) {
  const auto made = MakeTestCertificates(folder_);
  ASSERT_TRUE(made.ok()) << made.status();
  EtcdOptions options;
  options.ca_file = made->ca;
  options.certificate_file = made->certificate;
  options.key_file = made->key;
  const auto credentials = ReadCredentials(options);
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_TRUE(absl::StartsWith(credentials->identity, "\"heddle\" ")) << credentials->identity;

  options.key_file = folder_ + "/server.key";
  ExpectRefused(options, "is not the key of the certificate");
  options.key_file = made->certificate;
  ExpectRefused(options, "holds no unencrypted private key");
  options.key_file = folder_ + "/absent";
  ExpectRefused(options, folder_ + "/absent");
  options.key_file.clear();
  ExpectRefused(options, "needs both");
  options.key_file = made->key;
  options.certificate_file = Write("noise", "secret");
  ExpectRefused(options, "holds no certificate");
  options.certificate_file = made->certificate;
  options.ca_file = Write("noise", "secret");
  ExpectRefused(options, "CA");
}

TEST_F(EtcdCredentialsTest, APasswordIsTheOneLineOfItsFile) {
  EtcdOptions options;
  options.user = "heddle";
  ExpectRefused(options, "needs both");
  options.password_file = Write("password", " secret \n");
  const auto credentials = ReadCredentials(options);
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_EQ(credentials->password, " secret ");
  EXPECT_EQ(credentials->identity, "the user \"heddle\"");
  options.password_file = Write("password", "\n");
  ExpectRefused(options, "is empty");
  options.password_file = Write("password", "secret\nsecret\n");
  ExpectRefused(options, "more than one line");
  options.password_file = folder_ + "/absent";
  ExpectRefused(options, folder_ + "/absent");
}

TEST(EtcdEndpoints, AreHostAndPort) {
  for (const char* wrong :
       {"", "host", ":2379", "host:", "host:0", "host:65536", "host:x", "https://host:2379",
        "2001:db8::1:2379", "[2001:db8::1]", "[]:2379", "host:2379/path"}) {
    EtcdOptions options;
    options.endpoints = {wrong};
    const absl::Status refused = EtcdClient::Create(options).status();
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << wrong << ": " << refused;
  }
  for (const char* right : {"host:2379", "192.0.2.1:2379", "[2001:db8::1]:2379"}) {
    EtcdOptions options;
    options.endpoints = {right};
    const auto client = EtcdClient::Create(options);
    EXPECT_TRUE(client.ok()) << client.status();
  }
  EtcdOptions options;
  EXPECT_TRUE(absl::IsInvalidArgument(EtcdClient::Create(options).status()));
  options.endpoints = {"host:1", "host:1"};
  EXPECT_TRUE(absl::IsInvalidArgument(EtcdClient::Create(options).status()));
}

}  // namespace
}  // namespace heddle::storage
