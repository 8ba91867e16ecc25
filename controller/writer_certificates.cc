// Certificates and tokens: their book follows the same feed as the leases', and changes of them are
// committed on the same way.
#include <utility>

#include "absl/strings/str_cat.h"
#include "controller/store_feed.h"
#include "controller/writer.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {

void Writer::ChangeCertificates(CertificateChange change,
                                std::function<void(absl::StatusOr<Committed>)> done) {
  // No node id has a space in it.
  std::string queue = absl::StrCat("certificates of ", change.queue);
  Enqueue(
      Scope::kNode, std::move(queue),
      [this, change = std::move(change)](absl::Time now) -> absl::StatusOr<Decision> {
        if (!change.principal.empty() && book_.IsClaimed(change.principal)) {
          return absl::AbortedError(absl::StrCat("a certificate of '", change.principal,
                                                 "' is being committed; try again"));
        }
        absl::StatusOr<storage::Transaction> transaction = change.decide(certificates_, now);
        if (!transaction.ok()) return transaction.status();
        Decision decision;
        decision.transaction = *std::move(transaction);
        decision.node_id = change.principal;
        return decision;
      },
      std::move(done));
}

void Writer::TakeCertificates(const std::vector<storage::Change>& changes) {
  const CertificateChanges effects = certificates_.Apply(changes);
  for (const std::string& problem : effects.problems) spdlog::error("{}", problem);
  TellRevoked(effects.revoked);
}

void Writer::ReplaceCertificates(const std::vector<storage::Change>& listing) {
  const CertificateBook former = std::exchange(certificates_, CertificateBook());
  const CertificateChanges effects = certificates_.Apply(listing);
  for (const std::string& problem : effects.problems) spdlog::error("{}", problem);
  std::vector<std::string> fresh;
  for (const std::string& serial : effects.revoked) {
    if (!former.IsRevoked(serial)) fresh.push_back(serial);
  }
  TellRevoked(fresh);
}

void Writer::TellRevoked(const std::vector<std::string>& serials) {
  if (!serials.empty() && wiring_.revoked) wiring_.revoked(serials);
}

}  // namespace heddle::controller
