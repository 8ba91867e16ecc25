#include "identity/peer_verifier.h"

#include <grpc/grpc_security_constants.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "identity/chain.h"
#include "identity/openssl.h"
#include "identity/transport.h"

namespace heddle::identity {
namespace {

// A verdict holds for so long: the certificates between leaf and root may end meanwhile.
constexpr absl::Duration kVerdictTtl = absl::Minutes(1);
// Only who was believed is remembered, so that strangers cannot fill or empty this.
constexpr std::size_t kMaxVerdicts = 1 << 16;

absl::Status NotBelieved(const absl::StatusOr<Certificate>& leaf, const absl::Status& why) {
  const std::string claim =
      leaf.ok() ? absl::StrCat(", which says that it is of '", ToString(leaf->principal),
                               "' (serial ", leaf->serial, "),")
                : "";
  return absl::UnauthenticatedError(
      absl::StrCat("the certificate shown", claim, " is not believed here: ", why.message(),
                   ". It is of another cluster, or of a CA that was retired: its holder needs one "
                   "of this cluster"));
}

absl::StatusOr<Certificate> VerifyLeaf(const std::string& chain_pem, const std::string& roots_pem,
                                       absl::Time now) {
  absl::StatusOr<Certificate> leaf = ParseCertificate(chain_pem);
  const bool is_of_now = !leaf.ok() || CheckValidity(*leaf, now).ok();
  const absl::Status leads =
      VerifyClientChain(chain_pem, roots_pem, is_of_now ? std::optional(now) : std::nullopt);
  return leads.ok() ? leaf : NotBelieved(leaf, leads);
}

}  // namespace

absl::StatusOr<Certificate> PeerVerifier::Verify(const grpc::AuthContext& context, absl::Time now) {
  absl::StatusOr<std::string> chain = ShownChain(context);
  if (!chain.ok()) return chain.status();
  const std::string digest = Sha256(*chain);
  const std::shared_ptr<const Credentials> current = live_->Current();
  {
    MutexLock lock(&mutex_);
    if (believed_.lock() != current) {
      believed_ = current;
      verdicts_.clear();
    }
    const auto known = verdicts_.find(digest);
    if (known != verdicts_.end() && now < known->second.until) return known->second.certificate;
  }
  absl::StatusOr<Certificate> certificate = VerifyLeaf(*chain, current->roots_pem, now);
  if (!certificate.ok() || !CheckValidity(*certificate, now).ok()) return certificate;
  MutexLock lock(&mutex_);
  if (verdicts_.size() >= kMaxVerdicts) verdicts_.clear();
  if (believed_.lock() == current) {
    verdicts_.insert_or_assign(digest, Verdict{*certificate, now + kVerdictTtl});
  }
  return certificate;
}

}  // namespace heddle::identity
