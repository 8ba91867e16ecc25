#include "cli/renewal.h"

#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"

namespace heddle::cli {
namespace {

// Replacing another user's file would take it from them.
bool IsOwn(const std::string& path) {
  struct stat file;
  return stat(path.c_str(), &file) == 0 && file.st_uid == geteuid() &&
         access(FolderOf(path).c_str(), W_OK | X_OK) == 0;
}

}  // namespace

bool MayRenew(const Identity& identity, absl::Time now) {
  return identity.is_file && now >= identity::RenewAt(identity.credentials.leaf, 0) &&
         IsOwn(identity.path);
}

absl::StatusOr<identity::Credentials> RenewIdentity(const Identity& identity, AdminClient* client) {
  const identity::Principal& principal = identity.credentials.leaf.principal;
  HEDDLE_ASSIGN_OR_RETURN(const identity::PrivateKey key, identity::PrivateKey::Generate());
  v1::RenewRequest request;
  HEDDLE_ASSIGN_OR_RETURN(*request.mutable_certificate_request_pem(),
                          identity::MakeCertificateRequest(key, principal));
  HEDDLE_ASSIGN_OR_RETURN(const v1::IssuedCertificate issued, client->Renew(request));
  HEDDLE_ASSIGN_OR_RETURN(identity::Credentials renewed, CheckIssued(issued, key, principal));
  HEDDLE_RETURN_IF_ERROR(identity::WriteIdentityFile(identity.path, renewed));
  return renewed;
}

absl::StatusOr<identity::Credentials> CheckIssued(const v1::IssuedCertificate& issued,
                                                  const identity::PrivateKey& key,
                                                  const identity::Principal& principal) {
  auto credentials = identity::MakeCredentials(key.ToPem(), issued.chain_pem(), issued.roots_pem());
  if (!credentials.ok()) {
    return absl::InternalError(absl::StrCat("what the controller issued cannot be used (",
                                            credentials.status().message(), ")"));
  }
  if (credentials->leaf.principal != principal) {
    return absl::InternalError(absl::StrCat("the controller issued a certificate of ",
                                            identity::ToString(credentials->leaf.principal),
                                            ", and not of ", identity::ToString(principal)));
  }
  return credentials;
}

}  // namespace heddle::cli
