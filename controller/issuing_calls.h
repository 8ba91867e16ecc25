// What a controller does for who wants a certificate or a token: the IdentityService's calls, and
// those of the AdminService about certificates, once they are where they belong.
//
// A certificate is signed on the caller's thread and held back until its terms are committed: none
// is out that the book does not have. Answers are filled in and then replied for; what `request`
// and `response` point to lives until the reply.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/heddle/v1/identity.pb.h"
#include "base/clock.h"
#include "controller/authorized_calls.h"
#include "controller/node_registry.h"
#include "controller/writer_thread.h"
#include "identity/authority.h"

namespace heddle::controller {

// Thread-safe. Everything in the wiring outlives it.
class IssuingCalls {
 public:
  struct Wiring {
    WriterThread* writer = nullptr;
    NodeRegistry* registry = nullptr;
    const Clock* clock = nullptr;
    bool insecure = false;  // then every call is refused: FailedPrecondition
    std::string controller_id;
    // As ControllerOptions::authority.
    std::function<std::shared_ptr<const identity::Authority>()> authority;
    std::function<std::string()> roots_pem;               // that are to be believed now
    std::function<std::vector<std::string>()> addresses;  // host:port, for tickets
    absl::Duration node_ttl = absl::Hours(720);           // of nodes' certificates
  };
  // Of all others' certificates when nothing else is asked for.
  static constexpr absl::Duration kPersonTtl = absl::Hours(24 * 365);

  explicit IssuingCalls(const Wiring& wiring) : wiring_(wiring) {}

  // ---- As identity.proto says ----
  void Join(const AdmittedCall& call, const v1::JoinRequest* request,
            v1::IssuedCertificate* response) const;
  void Renew(const AdmittedCall& call, const v1::RenewRequest* request,
             v1::IssuedCertificate* response) const;

  // ---- As admin.proto says ----
  void CreateToken(const AdmittedCall& call, const v1::CreateTokenRequest* request,
                   v1::CreateTokenResponse* response) const;
  void ListTokens(const AdmittedCall& call, v1::ListTokensResponse* response) const;
  void DeleteToken(const AdmittedCall& call, const v1::DeleteTokenRequest* request,
                   v1::DeleteTokenResponse* response) const;
  void IssueCertificate(const AdmittedCall& call, const v1::IssueCertificateRequest* request,
                        v1::IssuedCertificate* response) const;
  void ListCertificates(const AdmittedCall& call, const v1::ListCertificatesRequest* request,
                        v1::ListCertificatesResponse* response) const;
  void RevokeCertificate(const AdmittedCall& call, const v1::RevokeCertificateRequest* request,
                         v1::RevokeCertificateResponse* response) const;

 private:
  struct Signed {
    CertificateTerms terms;
    std::string chain_pem, roots_pem;
  };
  struct Revocation;

  // FailedPrecondition: says why nothing is issued here, and what to do.
  absl::Status CheckSecure() const;
  absl::StatusOr<std::shared_ptr<const identity::Authority>> AuthorityNow() const;
  absl::StatusOr<Signed> Sign(const identity::Principal& principal,
                              const std::string& certificate_request_pem, absl::Duration ttl) const;
  // Answers with `certificate` once `change` is committed.
  void Commit(const AdmittedCall& call, const Signed& certificate, CertificateChange change,
              v1::IssuedCertificate* response) const;
  absl::StatusOr<JoinToken> NewToken(const AdmittedCall& call,
                                     const v1::CreateTokenRequest& request,
                                     const std::string& secret) const;
  void Revoke(Writer& writer, std::shared_ptr<Revocation> revocation) const;
  void ReleaseLease(Writer& writer, std::shared_ptr<Revocation> revocation,
                    const absl::Status& revoked) const;
  // Runs `job` on the writer's thread, or replies why it cannot be.
  void OnWriter(const AdmittedCall& call, std::function<void(Writer& writer)> job) const;

  const Wiring wiring_;
};

}  // namespace heddle::controller
