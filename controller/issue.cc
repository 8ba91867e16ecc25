#include "controller/issue.h"

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "identity/private_key.h"

namespace heddle::controller {
namespace {

constexpr absl::Duration kClocksDiffer = absl::Hours(1);

}  // namespace

absl::StatusOr<identity::Credentials> IssueLocally(const identity::Authority& authority,
                                                   const identity::Principal& principal,
                                                   absl::Time now, absl::Duration lifetime,
                                                   const std::string& roots_pem,
                                                   const std::string& cross_pem) {
  HEDDLE_ASSIGN_OR_RETURN(const identity::PrivateKey key, identity::PrivateKey::Generate());
  HEDDLE_ASSIGN_OR_RETURN(const std::string request,
                          identity::MakeCertificateRequest(key, principal));
  HEDDLE_ASSIGN_OR_RETURN(const identity::RequestedKey requested,
                          identity::CheckCertificateRequest(request));
  const identity::IssueTerms terms = {principal, identity::NewSerial(), now - kClocksDiffer,
                                      now + lifetime};
  HEDDLE_ASSIGN_OR_RETURN(const std::string leaf, authority.Issue(requested.public_key_der, terms));
  return identity::MakeCredentials(key.ToPem(), absl::StrCat(leaf, cross_pem), roots_pem);
}

}  // namespace heddle::controller
