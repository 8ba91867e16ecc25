#include "tests/lab/pki.h"

#include <filesystem>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "tests/lab/built.h"
#include "tests/lab/command.h"
#include "tests/lab/error.h"

namespace heddle::lab {
namespace {

constexpr std::size_t kMostBytes = 1 << 16;

std::string Content(const std::string& path) {
  const absl::StatusOr<std::string> content = ReadFile(path, kMostBytes);
  if (!content.ok()) throw LabError(std::string(content.status().message()));
  return *content;
}

}  // namespace

Pki::Pki(const std::string& folder) : admin_identity_(folder + "/admin.pem") {}

void Pki::InitController(const std::string& id, const std::string& tls_dir) {
  if (std::filesystem::exists(tls_dir + "/controller.pem")) return;
  const bool is_first = tls_dir_.empty();
  if (!is_first) {
    std::filesystem::create_directories(tls_dir);
    for (const char* file : {"/ca.pem", "/ca-key.pem"}) {
      std::filesystem::copy_file(tls_dir_ + file, tls_dir + file);
    }
  }
  Program init;
  init.argv = {Built("controller/heddle-controller"),
               "init",
               "--tls-dir",
               tls_dir,
               "--admin-identity",
               is_first ? admin_identity_ : "",
               "--admin-name",
               "alice"};
  if (!id.empty()) init.argv.insert(init.argv.end(), {"--id", id});
  const CommandResult result = TryRun(init);
  if (result.exit_code != 0) {
    throw LabError(absl::StrCat("heddle-controller init exits with ", result.exit_code, ": ",
                                result.out, result.err));
  }
  if (is_first) tls_dir_ = tls_dir;
}

identity::Credentials Pki::Issue(const std::string& principal,
                                 const identity::TestTerm& term) const {
  const absl::StatusOr<identity::Authority> authority =
      identity::Authority::Load(Content(tls_dir_ + "/ca.pem"), Content(tls_dir_ + "/ca-key.pem"));
  if (!authority.ok()) throw LabError(std::string(authority.status().message()));
  return identity::MakeTestCredentials(*authority, principal, term);
}

void Pki::IssueInto(const std::string& path, const std::string& principal,
                    const identity::TestTerm& term) const {
  const absl::Status written = identity::WriteIdentityFile(path, Issue(principal, term));
  if (!written.ok()) throw LabError(std::string(written.message()));
}

}  // namespace heddle::lab
