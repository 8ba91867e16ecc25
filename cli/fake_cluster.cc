#include "cli/fake_cluster.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "identity/credentials.h"

namespace heddle::cli {

const identity::Authority& FakeAuthority() {
  static const auto* authority = new identity::Authority(identity::MakeTestAuthority());
  return *authority;
}

std::string FakeIdentityFile(const std::string& principal, const identity::TestTerm& term,
                             const identity::Authority& authority) {
  static std::atomic<int> number{0};
  const std::string path =
      absl::StrCat(std::getenv("TEST_TMPDIR"), "/identities/", ++number, ".pem");
  EXPECT_TRUE(
      identity::WriteIdentityFile(path, identity::MakeTestCredentials(authority, principal, term))
          .ok());
  return path;
}

const std::string& FakeAdminFile() {
  static const auto* path = new std::string(FakeIdentityFile("admin/alice"));
  return *path;
}

}  // namespace heddle::cli
