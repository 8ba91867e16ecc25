#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/enrolment/answer.h"
#include "node/enrolment/member.h"
#include "node/enrolment/ticket_file.h"
#include "spdlog/spdlog.h"

namespace heddle::node {
namespace {

// A file that could not be written.
constexpr absl::Duration kWriteAgain = absl::Seconds(5);
constexpr absl::Duration kNothingDue = absl::Hours(1);

}  // namespace

// The one that the present certificate came of is of no use once that was revoked.
bool Member::HasAnotherTicket() const {
  const absl::StatusOr<std::string> text = ReadTicketText(options_.join_file);
  if (!text.ok()) return false;
  const absl::StatusOr<identity::Ticket> ticket = ParseTicket(*text);
  return !ticket.ok() || ticket->token_id != ReadTicketId(options_.state.ticket);
}

absl::Duration Member::Join(absl::Time now) {
  if (options_.join_file.empty()) return kNothingDue;
  if (!joined_) {
    const absl::StatusOr<std::string> text = ReadTicketText(options_.join_file);
    if (!text.ok()) {
      facts_.failure = absl::StrCat("no ticket: ", text.status().message());
      return options_.look_spacing;
    }
    if (*text != ticket_text_) {
      ticket_text_ = *text;
      unreached_retry_.Reset();
      refused_retry_.Reset();
      join_again_ = now;
    }
    // The clock may have been set back.
    join_again_ = std::min(join_again_, now + options_.retry_maximum);
    if (now < join_again_) return std::min(join_again_ - now, options_.look_spacing);
    if (const absl::Status asked = AskToJoin(now); !asked.ok()) {
      facts_.failure = std::string(asked.message());
      // Too many have asked at once: that passes.
      const bool passes = absl::IsUnavailable(asked) || absl::IsResourceExhausted(asked);
      Backoff& retry = passes ? unreached_retry_ : refused_retry_;
      join_again_ = now + retry.Next(random_);
      return std::min(join_again_ - now, options_.look_spacing);
    }
  }
  const absl::Status kept = KeepJoined();
  facts_.disk = std::string(kept.message());
  return kept.ok() ? absl::ZeroDuration() : kWriteAgain;
}

absl::Status Member::AskToJoin(absl::Time now) {
  const absl::StatusOr<identity::Ticket> ticket = ParseTicket(ticket_text_);
  if (!ticket.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(
        options_.join_file, ": ", ticket.status().message(), "; ", AskForTicket(facts_)));
  }
  HEDDLE_ASSIGN_OR_RETURN(const identity::PrivateKey key,
                          LoadOrMakePendingKey(options_.state.pending_key));
  v1::JoinRequest request;
  request.set_token_id(ticket->token_id);
  request.set_secret(ticket->secret);
  request.set_node_id(options_.node_id);
  HEDDLE_ASSIGN_OR_RETURN(*request.mutable_certificate_request_pem(),
                          identity::MakeCertificateRequest(key, principal()));
  joined_controllers_ = ticket->controllers;
  joined_ticket_id_ = ticket->token_id;
  const auto answer =
      calls_.Join(options_.controllers.empty() ? ticket->controllers : options_.controllers,
                  ticket->roots_pem, request);
  const bool needs_ticket =
      absl::IsPermissionDenied(answer.status()) || absl::IsAlreadyExists(answer.status());
  if (!answer.ok() && !needs_ticket) return answer.status();
  if (!answer.ok()) {
    return absl::Status(answer.status().code(),
                        absl::StrCat(answer.status().message(), "; ", AskForTicket(facts_)));
  }
  HEDDLE_ASSIGN_OR_RETURN(joined_, CheckAnswer(*answer, key, principal(), now));
  return absl::OkStatus();
}

// A join beside an identity that is refused or has ended, which goes on with its key.
bool Member::JoinsWithAnotherKey() const {
  const absl::StatusOr<identity::PrivateKey> key = ReadPendingKey(options_.state.pending_key);
  if (!key.ok()) return false;
  const std::shared_ptr<const identity::Credentials> present = live_->Current();
  return !identity::MakeCredentials(key->ToPem(), present->chain_pem, present->roots_pem).ok();
}

// A key is joined with once: should its certificate be revoked, another ticket is of no use to it.
void Member::DropPendingKey() const {
  const std::string& path = options_.state.pending_key;
  if (unlink(path.c_str()) == 0 || errno == ENOENT) return;
  spdlog::warn("cannot remove {}, which is not needed any more: {}", path, strerror(errno));
}

// What is there without the identity is not looked at, or made again; without the rest the identity
// is as good.
absl::Status Member::KeepJoined() {
  HEDDLE_RETURN_IF_ERROR(WriteControllers(options_.state.controllers, joined_controllers_));
  HEDDLE_RETURN_IF_ERROR(KeepIdentity(*joined_));
  HEDDLE_RETURN_IF_ERROR(WriteTicketId(options_.state.ticket, joined_ticket_id_));
  DropPendingKey();
  spdlog::info("joined as {}; the certificate ends at {}", identity::ToString(principal()),
               absl::FormatTime(absl::RFC3339_sec, joined_->leaf.not_after, absl::UTCTimeZone()));
  joined_.reset();
  facts_.failure.clear();
  if (options_.controllers.empty()) controllers_ = joined_controllers_;
  return absl::OkStatus();
}

}  // namespace heddle::node
