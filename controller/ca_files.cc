#include "controller/ca_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace heddle::controller {
namespace {

using identity::Authority;
using identity::Root;

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

absl::Status Named(const std::string& path, const absl::Status& why) {
  return absl::Status(why.code(), absl::StrCat(path, ": ", why.message()));
}

bool Has(const std::vector<Root>& roots, const Root& root) {
  return std::any_of(roots.begin(), roots.end(), [&](const Root& r) { return r.pem == root.pem; });
}

// Of the root that is to sign next; its file has it beside the key.
absl::StatusOr<Root> NextRoot(const TlsFiles& files) {
  HEDDLE_ASSIGN_OR_RETURN(const std::vector<Root> roots, ReadRoots(files.next_ca_key()));
  return roots.front();
}

absl::StatusOr<Authority> LoadSigning(const TlsFiles& files) {
  auto authority = LoadAuthority(files);
  if (!absl::IsNotFound(authority.status())) return authority;
  return absl::FailedPreconditionError(absl::StrCat(
      authority.status().message(), ". The CA is changed on a controller that has its key; `",
      "heddle-controller init` makes one where there is none"));
}

absl::Status Remove(const std::string& path) {
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot remove ", path, ": ", strerror(errno)));
}

// A controller that runs renews its certificate at once when another root signs.
absl::Status RequireRenewed(const TlsFiles& files, const Root& signing) {
  if (!Exists(files.own())) return absl::OkStatus();
  HEDDLE_ASSIGN_OR_RETURN(const std::string pem, ReadKeyFile(files.own()));
  const auto own = identity::ParseCertificate(pem);
  if (!own.ok()) return Named(files.own(), own.status());
  if (own->issuer == signing.key_id) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(files.own(), " is still of root ", own->issuer, " and not of ", signing.key_id,
                   ", which signs now. A controller that runs renews it within seconds: start it, "
                   "or see in its log why it does not"));
}

}  // namespace

absl::StatusOr<std::vector<Root>> ReadRoots(const std::string& path) {
  HEDDLE_ASSIGN_OR_RETURN(const std::string pem, ReadFile(path, identity::kMaxPemBytes));
  auto roots = identity::ParseRoots(pem);
  if (!roots.ok()) return Named(path, roots.status());
  if (roots->empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": there is no root certificate in it"));
  }
  return roots;
}

absl::StatusOr<std::string> ReadKeyFile(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && (info.st_mode & 0077) != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat(path, " has a private key and can be read by others: chmod 600 ", path));
  }
  return ReadFile(path, identity::kMaxPemBytes);
}

absl::StatusOr<Authority> LoadAuthority(const TlsFiles& files) {
  HEDDLE_ASSIGN_OR_RETURN(const std::string key, ReadKeyFile(files.ca_key()));
  HEDDLE_ASSIGN_OR_RETURN(const std::string roots, ReadFile(files.roots(), identity::kMaxPemBytes));
  auto authority = Authority::Load(roots, key);
  if (authority.ok()) return authority;
  return absl::Status(
      authority.status().code(),
      absl::StrCat(files.ca_key(), " with ", files.roots(), ": ", authority.status().message()));
}

absl::Status WriteNewKeyFile(const std::string& path, absl::string_view content) {
  FileTerms terms;
  terms.mode = 0600;
  terms.must_be_new = true;
  terms.is_of_folder_owner = true;
  return WriteFileAtomically(path, content, terms);
}

absl::Status WriteCertificates(const std::string& path, absl::string_view pem) {
  FileTerms terms;
  terms.mode = 0644;
  terms.is_of_folder_owner = true;
  return WriteFileAtomically(path, pem, terms);
}

absl::StatusOr<Steps> AddRoot(const TlsFiles& files, absl::Time now) {
  HEDDLE_ASSIGN_OR_RETURN(const Authority signing, LoadSigning(files));
  if (Exists(files.former_ca_key())) {
    return absl::FailedPreconditionError(
        "the change before is not over: first `heddle-controller ca retire`");
  }
  if (!Exists(files.next_ca_key())) {
    HEDDLE_ASSIGN_OR_RETURN(const Authority next, Authority::Create(now, kCaLifetime));
    HEDDLE_RETURN_IF_ERROR(
        WriteNewKeyFile(files.next_ca_key(), absl::StrCat(next.key_pem(), next.root().pem)));
  }
  HEDDLE_ASSIGN_OR_RETURN(const Root next, NextRoot(files));
  HEDDLE_ASSIGN_OR_RETURN(const std::vector<Root> roots, ReadRoots(files.roots()));
  if (Has(roots, next)) {
    return Steps{absl::StrCat("root ", next.key_id, " is in ", files.roots(), " already")};
  }
  HEDDLE_ASSIGN_OR_RETURN(std::string pem, ReadFile(files.roots(), identity::kMaxPemBytes));
  HEDDLE_RETURN_IF_ERROR(WriteCertificates(files.roots(), absl::StrCat(pem, "\n", next.pem)));
  return Steps{absl::StrCat("made root ", next.key_id, ", key in ", files.next_ca_key()),
               absl::StrCat("added it to ", files.roots(), "; root ", signing.root().key_id,
                            " signs as before")};
}

absl::StatusOr<Steps> PromoteRoot(const TlsFiles& files) {
  HEDDLE_ASSIGN_OR_RETURN(const Authority signing, LoadSigning(files));
  if (!Exists(files.next_ca_key())) {
    if (!Exists(files.former_ca_key())) {
      return absl::FailedPreconditionError(
          "there is no other root to sign: first `heddle-controller ca add`");
    }
    return Steps{absl::StrCat("root ", signing.root().key_id, " signs already")};
  }
  HEDDLE_ASSIGN_OR_RETURN(const Root next, NextRoot(files));
  HEDDLE_ASSIGN_OR_RETURN(const std::vector<Root> roots, ReadRoots(files.roots()));
  if (!Has(roots, next)) {
    return absl::FailedPreconditionError(
        absl::StrCat("root ", next.key_id, " is not in ", files.roots(),
                     " yet, so nobody would believe it: first `heddle-controller ca add`"));
  }
  HEDDLE_ASSIGN_OR_RETURN(const std::string cross, signing.CrossSign(next));
  HEDDLE_RETURN_IF_ERROR(WriteCertificates(files.cross(), cross));
  const absl::Status kept = WriteNewKeyFile(files.former_ca_key(), signing.key_pem());
  if (!kept.ok() && !absl::IsAlreadyExists(kept)) return kept;
  if (rename(files.next_ca_key().c_str(), files.ca_key().c_str()) != 0) {
    return absl::UnavailableError(absl::StrCat("cannot rename ", files.next_ca_key(), " to ",
                                               files.ca_key(), ": ", strerror(errno)));
  }
  return Steps{absl::StrCat("root ", next.key_id, " signs from now on"),
               absl::StrCat("root ", signing.root().key_id, " is still believed; its key is in ",
                            files.former_ca_key())};
}

absl::StatusOr<Steps> RetireRoots(const TlsFiles& files) {
  HEDDLE_ASSIGN_OR_RETURN(const Authority signing, LoadSigning(files));
  if (Exists(files.next_ca_key())) {
    return absl::FailedPreconditionError(
        "the new root does not sign yet: first `heddle-controller ca promote`");
  }
  HEDDLE_RETURN_IF_ERROR(RequireRenewed(files, signing.root()));
  HEDDLE_ASSIGN_OR_RETURN(const std::vector<Root> roots, ReadRoots(files.roots()));
  Steps steps;
  for (const Root& root : roots) {
    if (root.pem == signing.root().pem) continue;
    steps.push_back(absl::StrCat("root ", root.key_id, " is believed no longer"));
  }
  if (!steps.empty()) {
    HEDDLE_RETURN_IF_ERROR(WriteCertificates(files.roots(), signing.root().pem));
  } else {
    steps.push_back(absl::StrCat("root ", signing.root().key_id, " is the only one already"));
  }
  HEDDLE_RETURN_IF_ERROR(Remove(files.cross()));
  HEDDLE_RETURN_IF_ERROR(Remove(files.former_ca_key()));
  return steps;
}

}  // namespace heddle::controller
