#include "controller/init_tls.h"

#include <unistd.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "controller/issue.h"
#include "controller/own_certificate.h"
#include "identity/credentials.h"

namespace heddle::controller {
namespace {

using identity::Authority;
using identity::Credentials;
using identity::Role;

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

std::string Until(absl::Time time) {
  return absl::StrCat("until ", absl::FormatTime("%Y-%m-%d", time, absl::UTCTimeZone()));
}

absl::Status MakeTlsFolder(const std::string& folder) {
  HEDDLE_RETURN_IF_ERROR(MakeFolders(FolderOf(FolderOf(folder)), 0755));
  HEDDLE_RETURN_IF_ERROR(MakeFolderOfOwner(FolderOf(folder), 0700));
  return MakeFolderOfOwner(folder, 0700);
}

// An earlier run made the key and came no further: its file has the root, too.
absl::Status FinishCa(const TlsFiles& files) {
  const auto roots = ReadRoots(files.ca_key());
  if (!roots.ok()) {
    return absl::FailedPreconditionError(absl::StrCat(files.ca_key(), " is here without ",
                                                      files.roots(), ": copy that one here, too"));
  }
  return WriteCertificates(files.roots(), roots->front().pem);
}

absl::Status MakeCa(const TlsFiles& files, absl::Time now, Steps* steps) {
  HEDDLE_ASSIGN_OR_RETURN(const Authority made, Authority::Create(now, kCaLifetime));
  HEDDLE_RETURN_IF_ERROR(
      WriteNewKeyFile(files.ca_key(), absl::StrCat(made.key_pem(), made.root().pem)));
  HEDDLE_RETURN_IF_ERROR(WriteCertificates(files.roots(), made.root().pem));
  steps->push_back(absl::StrCat("made a CA, root ", made.root().key_id, " ",
                                Until(made.root().not_after), ": ", files.roots(), ", key in ",
                                files.ca_key()));
  return absl::OkStatus();
}

// Nothing: the key is not here.
absl::StatusOr<std::optional<Authority>> EnsureCa(const TlsFiles& files, absl::Time now,
                                                  Steps* steps) {
  const bool has_key = Exists(files.ca_key()), has_roots = Exists(files.roots());
  if (!has_key && has_roots) {
    steps->push_back(absl::StrCat("there is ", files.roots(), ", and no key of it: this controller",
                                  " issues no certificates"));
    return std::nullopt;
  }
  if (!has_key) {
    HEDDLE_RETURN_IF_ERROR(MakeCa(files, now, steps));
  } else {
    if (!has_roots) HEDDLE_RETURN_IF_ERROR(FinishCa(files));
    steps->push_back(absl::StrCat("there is a CA: ", files.roots(), ", key in ", files.ca_key()));
  }
  HEDDLE_ASSIGN_OR_RETURN(Authority authority, LoadAuthority(files));
  return std::optional<Authority>(std::move(authority));
}

absl::StatusOr<Credentials> Issue(const TlsFiles& files, const Authority& authority, Role role,
                                  const std::string& name, absl::Time now) {
  HEDDLE_ASSIGN_OR_RETURN(const std::string roots, ReadFile(files.roots(), identity::kMaxPemBytes));
  const auto cross = ReadFile(files.cross(), identity::kMaxPemBytes);
  if (!cross.ok() && !absl::IsNotFound(cross.status())) return cross.status();
  return IssueLocally(authority, {role, name}, now, kOwnLifetime, roots, cross.ok() ? *cross : "");
}

absl::Status EnsureOwn(const TlsFiles& files, const std::optional<Authority>& authority,
                       const std::string& id, absl::Time now, Steps* steps) {
  if (Exists(files.own())) {
    HEDDLE_ASSIGN_OR_RETURN(const Credentials own, LoadCredentials(files.credentials()));
    steps->push_back(absl::StrCat("there is the certificate of ", ToString(own.leaf.principal), " ",
                                  Until(own.leaf.not_after), ": ", files.own()));
    return absl::OkStatus();
  }
  if (!authority) {
    return absl::FailedPreconditionError(absl::StrCat(
        "there is no ", files.own(), ", and without ", files.ca_key(),
        " none can be made. Copy that key here from the controller that has it, if only for this "
        "command"));
  }
  HEDDLE_ASSIGN_OR_RETURN(const Credentials own,
                          Issue(files, *authority, Role::kController, id, now));
  HEDDLE_RETURN_IF_ERROR(WriteNewKeyFile(files.own(), absl::StrCat(own.key_pem, own.chain_pem)));
  steps->push_back(absl::StrCat("made the certificate of ", ToString(own.leaf.principal), " ",
                                Until(own.leaf.not_after), ": ", files.own()));
  return absl::OkStatus();
}

absl::Status EnsureAdmin(const TlsFiles& files, const std::optional<Authority>& authority,
                         const InitTerms& terms, absl::Time now, Steps* steps) {
  const std::string& path = terms.admin_identity_path;
  if (path.empty()) return absl::OkStatus();
  if (Exists(path)) {
    steps->push_back(absl::StrCat("there is an administrator's identity: ", path));
    return absl::OkStatus();
  }
  if (!authority) {
    steps->push_back("made no administrator's identity: the CA's key is not here");
    return absl::OkStatus();
  }
  HEDDLE_ASSIGN_OR_RETURN(const Credentials admin,
                          Issue(files, *authority, Role::kAdmin, terms.admin_name, now));
  HEDDLE_RETURN_IF_ERROR(WriteIdentityFile(path, admin));
  steps->push_back(absl::StrCat("made the identity of ", ToString(admin.leaf.principal), " ",
                                Until(admin.leaf.not_after), ", for heddlectl: ", path));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Steps> InitTls(const TlsFiles& files, const InitTerms& terms, absl::Time now) {
  Steps steps;
  HEDDLE_RETURN_IF_ERROR(MakeTlsFolder(files.folder));
  HEDDLE_ASSIGN_OR_RETURN(const std::optional<Authority> authority, EnsureCa(files, now, &steps));
  HEDDLE_RETURN_IF_ERROR(EnsureOwn(files, authority, terms.controller_id, now, &steps));
  HEDDLE_RETURN_IF_ERROR(EnsureAdmin(files, authority, terms, now, &steps));
  return steps;
}

}  // namespace heddle::controller
