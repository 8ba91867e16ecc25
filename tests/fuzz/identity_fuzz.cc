// Any bytes as a certificate, as roots, as a private key, as a certificate request, as a join
// ticket, as a controller's answer to it and as a name of who somebody is. What is accepted must
// hold what its type promises, and come back equal where it can be written again.
#include "api/heddle/v1/identity.pb.h"
#include "identity/authority.h"
#include "identity/certificate.h"
#include "identity/credentials.h"
#include "identity/principal.h"
#include "identity/private_key.h"
#include "identity/ticket.h"
#include "node/enrolment/answer.h"
#include "tests/fuzz/fuzz.h"

namespace heddle::identity {
namespace {

using fuzz::Accepted;
using fuzz::Require;

constexpr std::size_t kDigestBytes = 32;
const absl::Time kNow = absl::FromUnixSeconds(1'790'000'000);

void CheckPrincipal(const std::string& text) {
  for (const auto& principal : {ParsePrincipal(text), PrincipalOfUri(text)}) {
    if (!Accepted(principal)) continue;
    Require(fuzz::Is(ParsePrincipal(ToString(*principal)), *principal));
    Require(fuzz::Is(PrincipalOfUri(ToUri(*principal)), *principal));
  }
}

void CheckCertificate(const std::string& pem) {
  const auto certificate = ParseCertificate(pem);
  if (!Accepted(certificate)) return;
  CheckPrincipal(ToUri(certificate->principal));
  Require(certificate->key_digest.size() == kDigestBytes);
  for (const double chance : {0.0, 1.0}) {
    const absl::Time renew_at = RenewAt(*certificate, chance);
    Require(certificate->not_after < certificate->not_before || renew_at <= certificate->not_after);
  }
  Accepted(identity::CheckValidity(*certificate, kNow));
}

void CheckRoots(const std::string& pem) {
  const auto roots = ParseRoots(pem);
  if (!Accepted(roots)) return;
  for (const Root& root : *roots) {
    const auto alone = ParseRoots(root.pem);
    Require(alone.ok() && alone->size() == 1 && alone->front().key_id == root.key_id);
  }
}

void CheckKey(const std::string& pem) {
  const auto key = PrivateKey::Parse(pem);
  if (!Accepted(key)) return;
  const auto again = PrivateKey::Parse(key->ToPem());
  Require(again.ok() && again->key_digest() == key->key_digest());
}

// Who is accepted can be given a certificate, of that key and of who it is for.
void CheckRequest(const std::string& pem) {
  static const Authority* const authority =
      new Authority(*Authority::Create(kNow, absl::Hours(24)));
  const auto requested = CheckCertificateRequest(pem);
  if (!Accepted(requested)) return;
  const Principal principal{Role::kNode, "h1"};
  const auto issued =
      authority->Issue(requested->public_key_der, {principal, "1", kNow, kNow + absl::Hours(1)});
  Require(issued.ok());
  const auto certificate = ParseCertificate(*issued);
  Require(certificate.ok() && certificate->principal == principal &&
          certificate->key_digest == requested->key_digest);
}

void CheckTicket(const std::string& text) {
  const auto ticket = DecodeTicket(text);
  if (!Accepted(ticket)) return;
  const auto again = DecodeTicket(EncodeTicket(*ticket));
  Require(again.ok() && again->controllers == ticket->controllers &&
          again->roots_pem == ticket->roots_pem && again->token_id == ticket->token_id &&
          again->secret == ticket->secret);
}

// With the checksum that a fuzzer cannot guess.
void CheckSealedTicket(const std::string& bytes) {
  v1::Ticket message;
  if (!message.ParseFromString(bytes)) return;
  CheckTicket(EncodeTicket({{message.controllers().begin(), message.controllers().end()},
                            message.roots_pem(),
                            message.token_id(),
                            message.secret()}));
}

// All of one file, as a node and heddlectl have it.
void CheckIdentityFile(const std::string& pem) {
  const auto credentials = MakeCredentials(pem, pem, pem);
  if (!Accepted(credentials)) return;
  const auto again =
      MakeCredentials(credentials->key_pem, credentials->chain_pem, credentials->roots_pem);
  Require(again.ok() && again->leaf.serial == credentials->leaf.serial);
}

// Nobody but the signer of a request can have an answer to it; no bytes make one.
void CheckAnswer(const std::string& bytes) {
  static const PrivateKey* const key = new PrivateKey(*PrivateKey::Generate());
  v1::IssuedCertificate answer;
  if (!answer.ParseFromString(bytes)) return;
  Require(!Accepted(node::CheckAnswer(answer, *key, {Role::kNode, "h1"}, kNow)));
}

}  // namespace
}  // namespace heddle::identity

HEDDLE_FUZZ_ONE_OF(heddle::identity::CheckCertificate, heddle::identity::CheckRoots,
                   heddle::identity::CheckKey, heddle::identity::CheckRequest,
                   heddle::identity::CheckTicket, heddle::identity::CheckSealedTicket,
                   heddle::identity::CheckPrincipal, heddle::identity::CheckIdentityFile,
                   heddle::identity::CheckAnswer)
