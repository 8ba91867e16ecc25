#include "node/enrolment/member.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "identity/ticket.h"
#include "node/enrolment/answer.h"
#include "node/enrolment/ticket_file.h"
#include "spdlog/spdlog.h"

namespace heddle::node {
namespace {

// Between rounds in which no controller was reached: as the node's stream is tried again.
constexpr absl::Duration kUnreachedMaximum = absl::Seconds(30);
// A file that could not be written.
constexpr absl::Duration kWriteAgain = absl::Seconds(5);
constexpr absl::Duration kNothingDue = absl::Hours(1);

absl::Status OtherNode(const std::string& file, const identity::Principal& is,
                       const identity::Principal& wanted) {
  return absl::FailedPreconditionError(
      absl::StrCat("the certificate in ", file, " is of ", identity::ToString(is), ", and this is ",
                   identity::ToString(wanted), ": set --node-id to ", is.name,
                   ", or use a certificate of this node"));
}

}  // namespace

Member::Member(EnrolmentOptions options)
    : options_(std::move(options)),
      random_(options_.seed),
      calls_({options_.resolve, options_.server_name, absl::Seconds(10), options_.seed}),
      unreached_retry_(options_.retry_initial, std::min(kUnreachedMaximum, options_.retry_maximum)),
      refused_retry_(2 * options_.retry_initial, options_.retry_maximum),
      schedule_(options_.seed) {
  facts_.node_id = options_.node_id;
  facts_.own_files = options_.own_files;
  facts_.join_file = options_.join_file;
}

absl::StatusOr<std::unique_ptr<Member>> Member::Open(EnrolmentOptions options) {
  std::unique_ptr<Member> member(new Member(std::move(options)));
  const EnrolmentOptions& given = member->options_;
  const absl::Status opened = member->OpenLive(
      given.own_files ? *given.own_files : identity::IdentityFile(given.state.identity));
  const bool may_join = !given.own_files && !given.join_file.empty();
  if (!opened.ok() && may_join && absl::IsInvalidArgument(opened)) {
    spdlog::warn("{}; joining anew with the ticket {}", std::string(opened.message()),
                 given.join_file);
  } else if (!opened.ok() && !(may_join && absl::IsNotFound(opened))) {
    if (given.own_files || !absl::IsNotFound(opened)) return opened;
    return absl::FailedPreconditionError(absl::StrCat(
        "this node has no identity: make a ticket with 'heddlectl token create --node ",
        given.node_id,
        "', and start with --join FILE; or name files of your own PKI with "
        "--tls-cert-file, --tls-key-file and --tls-ca-file; or ask for a network that anybody can "
        "change with --insecure"));
  }
  // An earlier run may have ended just before it did this.
  if (opened.ok() && !given.own_files && !member->JoinsWithAnotherKey()) member->DropPendingKey();
  HEDDLE_RETURN_IF_ERROR(member->FindControllers());
  return member;
}

absl::Status Member::OpenLive(const identity::CredentialFiles& files) {
  HEDDLE_ASSIGN_OR_RETURN(std::unique_ptr<identity::LiveCredentials> live,
                          identity::LiveCredentials::Open(files));
  const identity::Principal is = live->Current()->leaf.principal;
  if (is != principal()) return OtherNode(files.certificate, is, principal());
  live_ = std::move(live);
  return absl::OkStatus();
}

// Those that were given win over those of the ticket that was used, and these over the default.
absl::Status Member::FindControllers() {
  controllers_ = options_.controllers;
  if (!controllers_.empty() || live_ == nullptr) return absl::OkStatus();
  auto kept = ReadControllers(options_.state.controllers);
  if (!kept.ok() && !absl::IsNotFound(kept.status())) return kept.status();
  if (kept.ok()) {
    controllers_ = *std::move(kept);
  } else {
    const auto ticket = ReadTicket(options_.join_file);
    controllers_ = ticket.ok() ? ticket->controllers : std::vector<std::string>{kDefaultController};
  }
  return absl::OkStatus();
}

absl::Duration Member::Step(std::optional<Trust> trust,
                            const std::optional<RefusedCertificate>& refused, absl::Time now) {
  const bool is_refused =
      refused && live_ != nullptr && live_->Current()->leaf.serial == refused->serial;
  facts_.refused = is_refused ? refused->why : "";
  if (options_.own_files) return kNothingDue;
  if (trust) trust_ = std::move(trust);
  if (live_ == nullptr) return Join(now);
  const std::shared_ptr<const identity::Credentials> present = live_->Current();
  UseTrust(*present, now);
  if (renewed_) return KeepRenewed(now);
  if (now >= present->leaf.not_after || joined_) return Join(now);
  if (is_refused && !options_.join_file.empty()) {
    return HasAnotherTicket() ? Join(now) : options_.look_spacing;
  }
  return Renew(*live_->Current(), now);
}

// On the disk, and read back from there: what others cannot read after a restart is not kept.
absl::Status Member::KeepIdentity(const identity::Credentials& credentials) {
  const std::string& path = options_.state.identity;
  HEDDLE_RETURN_IF_ERROR(identity::WriteIdentityFile(path, credentials));
  if (live_ == nullptr) return OpenLive(identity::IdentityFile(path));
  live_->LookNow();
  if (live_->Current()->leaf.serial == credentials.leaf.serial) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("the new certificate was written to ", path,
                                             " and is not what is read from there"));
}

void Member::UseTrust(const identity::Credentials& present, absl::Time now) {
  if (!trust_) return;
  facts_.trust.clear();
  const absl::StatusOr<identity::Credentials> updated = WithTrust(present, *trust_);
  if (!updated.ok()) {
    facts_.trust = std::string(updated.status().message());
    trust_.reset();
    return;
  }
  if (updated->roots_pem != present.roots_pem) {
    const absl::Status kept = KeepIdentity(*updated);
    facts_.disk = std::string(kept.message());
    if (!kept.ok()) return;  // trust_ stays
    spdlog::info("the roots that controllers are believed by have changed");
  }
  schedule_.Expect(trust_->issuer, now);
  trust_.reset();
}

absl::Duration Member::Renew(const identity::Credentials& present, absl::Time now) {
  schedule_.Follow(present.leaf, now);
  const absl::Time due = schedule_.due(now);
  if (now < due) return due - now;
  const absl::Status status = AskToRenew(present, now);
  facts_.failure = std::string(status.message());
  if (status.ok()) return KeepRenewed(now);
  spdlog::debug("not renewed: {}", facts_.failure);
  schedule_.Failed(now);
  return schedule_.due(now) - now;
}

// With a key of its own: one that was ever read by others is good for one lifetime at most.
absl::Status Member::AskToRenew(const identity::Credentials& present, absl::Time now) {
  HEDDLE_ASSIGN_OR_RETURN(const identity::PrivateKey key, identity::PrivateKey::Generate());
  v1::RenewRequest request;
  HEDDLE_ASSIGN_OR_RETURN(*request.mutable_certificate_request_pem(),
                          identity::MakeCertificateRequest(key, principal()));
  HEDDLE_ASSIGN_OR_RETURN(const v1::IssuedCertificate answer,
                          calls_.Renew(controllers_, present, request));
  HEDDLE_ASSIGN_OR_RETURN(renewed_, CheckAnswer(answer, key, principal(), now));
  return absl::OkStatus();
}

absl::Duration Member::KeepRenewed(absl::Time now) {
  const absl::Status kept = KeepIdentity(*renewed_);
  facts_.disk = std::string(kept.message());
  if (!kept.ok()) return kWriteAgain;
  schedule_.Follow(renewed_->leaf, now);
  spdlog::info("the certificate of {} was renewed; it ends at {}",
               identity::ToString(renewed_->leaf.principal),
               absl::FormatTime(absl::RFC3339_sec, renewed_->leaf.not_after, absl::UTCTimeZone()));
  renewed_.reset();
  return absl::ZeroDuration();
}

}  // namespace heddle::node
