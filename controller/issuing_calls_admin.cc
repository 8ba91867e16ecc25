// Tokens, and revocations.
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/peer.h"
#include "base/status_macros.h"
#include "controller/issuing_calls.h"
#include "controller/issuing_messages.h"
#include "controller/keys.h"
#include "identity/ticket.h"

namespace heddle::controller {
namespace {

constexpr std::uint32_t kDefaultTtlSeconds = 3600;
constexpr std::uint32_t kLongestTtlSeconds = 30 * 86'400;

}  // namespace

absl::StatusOr<JoinToken> IssuingCalls::NewToken(const AdmittedCall& call,
                                                 const v1::CreateTokenRequest& request,
                                                 const std::string& secret) const {
  if (request.ttl_seconds() > kLongestTtlSeconds) {
    return absl::InvalidArgumentError(
        "a ticket lasts thirty days at most: it is a secret that lies about");
  }
  if (request.uses() > CertificateBook::kMaxUses) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a ticket is good for ", CertificateBook::kMaxUses, " uses at most; make several"));
  }
  if (!request.node_id().empty()) HEDDLE_RETURN_IF_ERROR(ValidateNodeId(request.node_id()));
  JoinToken token;
  token.id = identity::NewTokenId();
  token.secret_digest = identity::SecretDigest(secret);
  token.created = wiring_.clock->Now();
  token.expires = token.created + absl::Seconds(request.ttl_seconds() == 0 ? kDefaultTtlSeconds
                                                                           : request.ttl_seconds());
  token.uses = token.uses_left = request.uses() == 0 ? 1 : request.uses();
  token.node_id = request.node_id();
  token.created_by = call.caller.who();
  return token;
}

void IssuingCalls::CreateToken(const AdmittedCall& call, const v1::CreateTokenRequest* request,
                               v1::CreateTokenResponse* response) const {
  // What nobody could join with is not given out.
  const auto authority = AuthorityNow();
  if (!authority.ok()) return call.reply(authority.status());
  const std::vector<std::string> addresses = wiring_.addresses();
  if (addresses.empty()) {
    return call.reply(absl::FailedPreconditionError(
        "no controller says at which address nodes reach it, so there is nothing to put into a "
        "ticket. Start the controllers with --advertise"));
  }
  const std::string secret = identity::NewSecret();
  const absl::StatusOr<JoinToken> token = NewToken(call, *request, secret);
  if (!token.ok()) return call.reply(token.status());
  call.audit->object = absl::StrCat("token ", token->id);
  v1::Ticket ticket;
  for (const std::string& address : addresses) ticket.add_controllers(address);
  ticket.set_roots_pem(wiring_.roots_pem());
  ticket.set_token_id(token->id);
  ticket.set_secret(secret);
  OnWriter(call, [call, token = *token, ticket, response](Writer& writer) {
    const auto decide = [token](const CertificateBook& book, absl::Time) {
      return book.DecideCreateToken(token);
    };
    writer.ChangeCertificates(
        {absl::StrCat("token ", token.id), "", decide},
        [call, token, ticket, response](const absl::StatusOr<Committed>& result) {
          if (result.ok()) {
            *response->mutable_ticket() = ticket;
            *response->mutable_token() = ToMessage(token);
            response->set_revision(result->revision);
          }
          call.reply(result.status());
        });
  });
}

void IssuingCalls::ListTokens(const AdmittedCall& call, v1::ListTokensResponse* response) const {
  if (const absl::Status secure = CheckSecure(); !secure.ok()) return call.reply(secure);
  OnWriter(call, [call, response](Writer& writer) {
    for (const auto& [id, token] : writer.certificates().tokens()) {
      *response->add_tokens() = ToMessage(token);
    }
    response->set_revision(writer.book().revision());
    call.reply(absl::OkStatus());
  });
}

void IssuingCalls::DeleteToken(const AdmittedCall& call, const v1::DeleteTokenRequest* request,
                               v1::DeleteTokenResponse* response) const {
  if (const absl::Status secure = CheckSecure(); !secure.ok()) return call.reply(secure);
  if (!IsTokenId(request->id())) {
    return call.reply(absl::InvalidArgumentError(
        "a token's id is 16 lower-case hexadecimal digits, as `heddlectl token list` shows it"));
  }
  OnWriter(call, [call, id = request->id(), response](Writer& writer) {
    // After an attempt that may have been committed, "none" is what was asked for.
    const auto decide = [id, tried = std::make_shared<bool>(false)](const CertificateBook& book,
                                                                    absl::Time) {
      auto decision = book.DecideDeleteToken(id);
      if (absl::IsNotFound(decision.status()) && *tried) decision = storage::Transaction();
      *tried = true;
      return decision;
    };
    writer.ChangeCertificates({absl::StrCat("token ", id), "", decide},
                              [call, response](const absl::StatusOr<Committed>& result) {
                                if (result.ok()) response->set_revision(result->revision);
                                call.reply(result.status());
                              });
  });
}

// One call to RevokeCertificate, while it lasts.
struct IssuingCalls::Revocation {
  AdmittedCall call;
  std::string serial;  // or
  identity::Principal principal;
  bool release_lease = false;
  v1::RevokeCertificateResponse* response = nullptr;
  std::vector<std::string> serials;  // as decided; kept when it is found to have been committed

  absl::StatusOr<storage::Transaction> Decide(const CertificateBook& book, absl::Time now) {
    auto decision = serial.empty() ? book.DecideRevokeAll(principal, now)
                                   : book.DecideRevokeSerial(serial, now);
    if (absl::IsNotFound(decision.status()) && !serials.empty()) return storage::Transaction();
    if (!decision.ok() || decision->writes.empty()) return decision;
    serials.clear();
    for (const storage::Write& write : decision->writes) {
      serials.push_back(SerialOfKey(write.key).value_or(""));
    }
    return decision;
  }
};

void IssuingCalls::RevokeCertificate(const AdmittedCall& call,
                                     const v1::RevokeCertificateRequest* request,
                                     v1::RevokeCertificateResponse* response) const {
  if (const absl::Status secure = CheckSecure(); !secure.ok()) return call.reply(secure);
  auto revocation = std::make_shared<Revocation>();
  revocation->call = call;
  revocation->serial = request->serial();
  revocation->release_lease = request->release_lease();
  revocation->response = response;
  if (request->serial().empty() == request->principal().empty()) {
    return call.reply(absl::InvalidArgumentError(
        "say which: one certificate by its serial, or all of a principal, such as 'node/h1'"));
  }
  if (!request->principal().empty()) {
    const auto principal = identity::ParsePrincipal(request->principal());
    if (!principal.ok()) return call.reply(principal.status());
    revocation->principal = *principal;
  }
  const bool is_node =
      !request->principal().empty() && revocation->principal.role == identity::Role::kNode;
  if (request->release_lease() && !is_node) {
    return call.reply(absl::InvalidArgumentError(
        "only a node has a lease to release: say which by its principal, such as 'node/h1'"));
  }
  OnWriter(call, [this, revocation](Writer& writer) { Revoke(writer, revocation); });
}

void IssuingCalls::Revoke(Writer& writer, std::shared_ptr<Revocation> revocation) const {
  const bool all = revocation->serial.empty();
  const std::string whose = all ? identity::ToString(revocation->principal) : revocation->serial;
  const auto decide = [revocation](const CertificateBook& book, absl::Time now) {
    return revocation->Decide(book, now);
  };
  writer.ChangeCertificates({whose, all ? whose : "", decide},
                            [this, &writer, revocation](const absl::StatusOr<Committed>& result) {
                              v1::RevokeCertificateResponse* const response = revocation->response;
                              const CertificateBook& book = writer.certificates();
                              if (result.ok()) {
                                response->set_revision(result->revision);
                                if (revocation->serials.empty())
                                  revocation->serials = {revocation->serial};
                              }
                              for (const std::string& serial : revocation->serials) {
                                const IssuedCertificate* certificate = book.Find(serial);
                                if (certificate != nullptr)
                                  *response->add_revoked() = ToMessage(book, *certificate);
                              }
                              // One whose certificates are all revoked may have its lease yet.
                              const bool goes_on = result.ok() || absl::IsNotFound(result.status());
                              if (revocation->release_lease && goes_on) {
                                return ReleaseLease(writer, revocation, result.status());
                              }
                              revocation->call.reply(result.status());
                            });
}

void IssuingCalls::ReleaseLease(Writer& writer, std::shared_ptr<Revocation> revocation,
                                const absl::Status& revoked) const {
  const std::string& node_id = revocation->principal.name;
  writer.Release(node_id, [this, revocation, revoked](const absl::StatusOr<Committed>& released) {
    if (absl::IsNotFound(released.status())) return revocation->call.reply(revoked);
    if (!released.ok()) {
      return revocation->call.reply(absl::Status(
          released.status().code(),
          absl::StrCat(revoked.ok() ? "its certificates are revoked, but its lease was not released"
                                    : "its lease was not released",
                       " (", released.status().message(), "). Run it again")));
    }
    revocation->response->set_lease_released(true);
    revocation->response->set_revision(released->revision);
    wiring_.registry->Forget(revocation->principal.name);
    revocation->call.reply(absl::OkStatus());
  });
}

}  // namespace heddle::controller
