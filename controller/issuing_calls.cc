// Certificates: made, and looked at.
#include "controller/issuing_calls.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/peer.h"
#include "base/status_macros.h"
#include "controller/issuing_messages.h"
#include "controller/keys.h"
#include "identity/certificate.h"
#include "identity/private_key.h"
#include "identity/ticket.h"

namespace heddle::controller {
namespace {

using identity::Principal;
using identity::Role;

constexpr absl::Duration kLeastTtl = absl::Seconds(10);
constexpr absl::Duration kLongestTtl = absl::Hours(24 * 3650);
// Clocks differ; what lasts less than this is not held valid for longer before than after.
constexpr absl::Duration kBackdated = absl::Hours(1);

}  // namespace

absl::Status IssuingCalls::CheckSecure() const {
  if (!wiring_.insecure) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the controller '", wiring_.controller_id,
                   "' runs with --insecure: nobody proves anything there, so there are no tickets "
                   "and no certificates. Run `heddle-controller init`, and start it without"));
}

absl::StatusOr<std::shared_ptr<const identity::Authority>> IssuingCalls::AuthorityNow() const {
  HEDDLE_RETURN_IF_ERROR(CheckSecure());
  std::shared_ptr<const identity::Authority> authority =
      wiring_.authority ? wiring_.authority() : nullptr;
  if (authority != nullptr) return authority;
  return absl::FailedPreconditionError(absl::StrCat(
      "this controller, '", wiring_.controller_id,
      "', has no CA key, so it cannot issue certificates. Copy ca-key.pem into its --tls-dir from "
      "where `heddle-controller init` was run, or give the lead to a controller that has it with "
      "`heddlectl controller step-down`. Where certificates come from a PKI of your own, have it "
      "issue this one"));
}

absl::StatusOr<IssuingCalls::Signed> IssuingCalls::Sign(const Principal& principal,
                                                        const std::string& certificate_request_pem,
                                                        absl::Duration ttl) const {
  HEDDLE_ASSIGN_OR_RETURN(const std::shared_ptr<const identity::Authority> authority,
                          AuthorityNow());
  HEDDLE_ASSIGN_OR_RETURN(const identity::RequestedKey key,
                          identity::CheckCertificateRequest(certificate_request_pem));
  const absl::Time now = wiring_.clock->Now();
  const identity::IssueTerms asked = {principal, identity::NewSerial(),
                                      now - std::min(kBackdated, ttl), now + ttl};
  Signed made;
  HEDDLE_ASSIGN_OR_RETURN(made.chain_pem, authority->Issue(key.public_key_der, asked));
  made.roots_pem = wiring_.roots_pem();
  // What is noted is what was signed: it may end earlier, with its root.
  HEDDLE_ASSIGN_OR_RETURN(const identity::Certificate leaf,
                          identity::ParseCertificate(made.chain_pem));
  made.terms = {leaf.serial,    leaf.principal,  leaf.not_before,
                leaf.not_after, leaf.key_digest, authority->root().key_id};
  return made;
}

void IssuingCalls::Commit(const AdmittedCall& call, const Signed& certificate,
                          CertificateChange change, v1::IssuedCertificate* response) const {
  OnWriter(call, [call, certificate, change = std::move(change), response](Writer& writer) {
    writer.ChangeCertificates(
        change, [call, certificate, response](const absl::StatusOr<Committed>& result) {
          if (result.ok()) {
            response->set_chain_pem(certificate.chain_pem);
            response->set_roots_pem(certificate.roots_pem);
            response->set_revision(result->revision);
          }
          call.reply(result.status());
        });
  });
}

void IssuingCalls::Join(const AdmittedCall& call, const v1::JoinRequest* request,
                        v1::IssuedCertificate* response) const {
  const Principal node{Role::kNode, request->node_id()};
  if (const absl::Status valid = ValidateNodeId(node.name); !valid.ok()) return call.reply(valid);
  const absl::StatusOr<Signed> made =
      Sign(node, request->certificate_request_pem(), wiring_.node_ttl);
  if (!made.ok()) return call.reply(made.status());
  const JoinProof proof{request->token_id(), identity::SecretDigest(request->secret())};
  const auto decide = [call, proof, terms = made->terms](const CertificateBook& book,
                                                         absl::Time now) {
    std::string why_denied;
    auto decision = book.DecideJoin(proof, terms, now, &why_denied);
    const bool denied = absl::IsPermissionDenied(decision.status());
    call.audit->result = denied ? absl::PermissionDeniedError(why_denied) : absl::OkStatus();
    return decision;
  };
  Commit(call, *made,
         {absl::StrCat("token ", IsTokenId(proof.token_id) ? proof.token_id : ""),
          identity::ToString(node), decide},
         response);
}

void IssuingCalls::Renew(const AdmittedCall& call, const v1::RenewRequest* request,
                         v1::IssuedCertificate* response) const {
  const Principal& principal = call.caller.principal;
  if (const absl::Status secure = CheckSecure(); !secure.ok()) return call.reply(secure);
  const absl::StatusOr<Signed> made =
      Sign(principal, request->certificate_request_pem(),
           principal.role == Role::kNode ? wiring_.node_ttl : kPersonTtl);
  if (!made.ok()) return call.reply(made.status());
  const auto decide = [present = call.caller.serial, terms = made->terms](
                          const CertificateBook& book, absl::Time now) {
    return book.DecideRenew(present, terms, now);
  };
  const std::string who = identity::ToString(principal);
  Commit(call, *made, {who, who, decide}, response);
}

void IssuingCalls::IssueCertificate(const AdmittedCall& call,
                                    const v1::IssueCertificateRequest* request,
                                    v1::IssuedCertificate* response) const {
  const absl::StatusOr<Role> role = identity::RoleOfName(request->role());
  if (!role.ok()) return call.reply(role.status());
  if (*role == Role::kNode) {
    return call.reply(absl::InvalidArgumentError(
        "a node makes its key on its own host: make a ticket with `heddlectl token create`, and "
        "start heddle-node there with --join"));
  }
  const Principal principal{*role, request->name()};
  if (const absl::Status valid = ValidateNodeId(principal.name); !valid.ok()) {
    return call.reply(absl::InvalidArgumentError(
        absl::StrCat("the name is to be spelled as a node id is, and here ", valid.message())));
  }
  const absl::Duration ttl =
      request->ttl_seconds() == 0 ? kPersonTtl : absl::Seconds(request->ttl_seconds());
  if (ttl < kLeastTtl || ttl > kLongestTtl) {
    return call.reply(
        absl::InvalidArgumentError("a certificate lasts from ten seconds to ten years"));
  }
  const absl::StatusOr<Signed> made = Sign(principal, request->certificate_request_pem(), ttl);
  if (!made.ok()) return call.reply(made.status());
  const auto decide = [terms = made->terms, by = call.caller.who()](const CertificateBook& book,
                                                                    absl::Time now) {
    return book.DecideIssue(terms, by, now);
  };
  const std::string who = identity::ToString(principal);
  call.audit->object = absl::StrCat(who, " ", made->terms.serial);
  Commit(call, *made, {who, who, decide}, response);
}

void IssuingCalls::ListCertificates(const AdmittedCall& call,
                                    const v1::ListCertificatesRequest* request,
                                    v1::ListCertificatesResponse* response) const {
  if (const absl::Status secure = CheckSecure(); !secure.ok()) return call.reply(secure);
  OnWriter(call, [call, request, response](Writer& writer) {
    FillCertificates(writer.certificates(), request->include_superseded(), response);
    response->set_revision(writer.book().revision());
    call.reply(absl::OkStatus());
  });
}

void IssuingCalls::OnWriter(const AdmittedCall& call,
                            std::function<void(Writer& writer)> job) const {
  const absl::Status posted = wiring_.writer->Post(std::move(job));
  if (!posted.ok()) call.reply(posted);
}

}  // namespace heddle::controller
