#include "node/enrolment/answer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "identity/certificate.h"
#include "identity/chain.h"

namespace heddle::node {
namespace {

absl::Status Wrong(absl::string_view what, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("the controller's ", what, " cannot be used and is left aside: ", why));
}

absl::StatusOr<std::vector<identity::Root>> RootsOf(const std::string& pem) {
  if (pem.size() > identity::kMaxPemBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(pem.size(), " bytes of roots; at most ", identity::kMaxPemBytes));
  }
  HEDDLE_ASSIGN_OR_RETURN(std::vector<identity::Root> roots, identity::ParseRoots(pem));
  if (roots.empty()) return absl::InvalidArgumentError("there is no root certificate in it");
  return roots;
}

// As they were read: what else stood between them does not get into a file of ours.
std::string PemOf(const std::vector<identity::Root>& roots) {
  std::string pem;
  for (const identity::Root& root : roots) pem += root.pem;
  return pem;
}

}  // namespace

absl::StatusOr<identity::Credentials> CheckAnswer(const v1::IssuedCertificate& answer,
                                                  const identity::PrivateKey& key,
                                                  const identity::Principal& principal,
                                                  absl::Time now) {
  constexpr absl::string_view kWhat = "answer";
  if (answer.chain_pem().size() > identity::kMaxPemBytes) {
    return Wrong(kWhat, absl::StrCat(answer.chain_pem().size(), " bytes of certificates"));
  }
  const auto roots = RootsOf(answer.roots_pem());
  if (!roots.ok()) return Wrong(kWhat, roots.status().message());
  auto credentials = identity::MakeCredentials(key.ToPem(), answer.chain_pem(), PemOf(*roots));
  if (!credentials.ok()) return Wrong(kWhat, credentials.status().message());
  if (credentials->leaf.principal != principal) {
    return Wrong(kWhat, absl::StrCat("its certificate is of ",
                                     identity::ToString(credentials->leaf.principal),
                                     ", and this is ", identity::ToString(principal)));
  }
  for (const absl::Status& status :
       {identity::CheckValidity(credentials->leaf, now),
        identity::VerifyClientChain(credentials->chain_pem, credentials->roots_pem, now)}) {
    if (!status.ok()) return Wrong(kWhat, status.message());
  }
  return credentials;
}

absl::StatusOr<identity::Credentials> WithTrust(const identity::Credentials& credentials,
                                                const Trust& trust) {
  auto roots = RootsOf(trust.roots_pem);
  if (!roots.ok()) return Wrong("list of roots", roots.status().message());
  HEDDLE_ASSIGN_OR_RETURN(const std::vector<identity::Root> present,
                          RootsOf(credentials.roots_pem));
  for (const identity::Root& root : present) {
    const bool again = std::any_of(roots->begin(), roots->end(), [&](const identity::Root& other) {
      return other.pem == root.pem;
    });
    if (!again && root.key_id == credentials.leaf.issuer) roots->push_back(root);
  }
  return identity::MakeCredentials(credentials.key_pem, credentials.chain_pem, PemOf(*roots));
}

}  // namespace heddle::node
