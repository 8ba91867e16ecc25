#include "cli/identity_choice.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace heddle::cli {
namespace {

constexpr char kMachineFile[] = "/etc/heddle/admin.pem";
constexpr char kOwnFile[] = "/.config/heddle/identity.pem";

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

// A file in a folder that may not be looked into counts: it is no reason to take another.
bool MayExist(const std::string& path) {
  struct stat file;
  return stat(path.c_str(), &file) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

// The kernel's word for what root alone may read is not enough of an answer.
absl::Status Unusable(const absl::Status& status) {
  const bool is_denied = absl::StrContains(status.message(), "Permission denied");
  return absl::Status(
      status.code(),
      absl::StrCat("the identity cannot be used: ", status.message(),
                   is_denied ? ". Run heddlectl as the user whose it is (root, for one of "
                               "/etc/heddle), or name another with --identity."
                             : ". Mend it, or name another with --identity."));
}

absl::StatusOr<Identity> Load(const identity::CredentialFiles& files, bool is_file) {
  Identity identity{files.certificate, is_file, {}};
  auto loaded = identity::LoadCredentials(files);
  if (!loaded.ok()) return Unusable(loaded.status());
  identity.credentials = *std::move(loaded);
  return identity;
}

absl::Status Nowhere(const IdentityPlaces& places) {
  return absl::NotFoundError(absl::StrCat(
      "there is no identity to prove who you are with: neither ",
      places.own.empty() ? "a home folder" : places.own, " nor ", places.machine,
      " exists. On a controller's host run heddlectl as root, where \"heddle-controller init\" has "
      "made ",
      places.machine,
      ". Elsewhere have an administrator run \"heddlectl cert create --role admin NAME --out "
      "FILE\", and ",
      places.own.empty() ? "" : absl::StrCat("put that file at ", places.own, " or "),
      "name it with --identity. Controllers that were started with --insecure need "
      "--insecure here, too."));
}

}  // namespace

IdentityPlaces DefaultIdentityPlaces() {
  const std::string home = Environment("HOME");
  return {Environment("HEDDLECTL_IDENTITY"), home.empty() ? "" : absl::StrCat(home, kOwnFile),
          kMachineFile};
}

absl::Status Validate(const IdentityOptions& options) {
  const int own_pki =
      !options.certificate_file.empty() + !options.key_file.empty() + !options.roots_file.empty();
  if (own_pki != 0 && own_pki != 3) {
    return absl::InvalidArgumentError(
        "--tls-cert-file, --tls-key-file and --tls-ca-file go together: give all three, or none.");
  }
  if (own_pki != 0 && !options.file.empty()) {
    return absl::InvalidArgumentError(
        "--identity and --tls-cert-file both say who you are: give one of them.");
  }
  if (options.is_insecure && (own_pki != 0 || !options.file.empty())) {
    return absl::InvalidArgumentError(
        "--insecure does without TLS, and cannot be combined with --identity or --tls-*-file: "
        "leave one of them out.");
  }
  return absl::OkStatus();
}

absl::StatusOr<Identity> FindIdentity(const IdentityOptions& options,
                                      const IdentityPlaces& places) {
  if (!options.certificate_file.empty()) {
    return Load({options.key_file, options.certificate_file, options.roots_file}, false);
  }
  for (const std::string& named : {options.file, places.named}) {
    if (!named.empty()) return Load(identity::IdentityFile(named), true);
  }
  for (const std::string& usual : {places.own, places.machine}) {
    if (!usual.empty() && MayExist(usual)) return Load(identity::IdentityFile(usual), true);
  }
  return Nowhere(places);
}

}  // namespace heddle::cli
