// What a node does about its certificate, step by step: the work of Enrolment's thread. Calls
// controllers and writes files; blocks for as long as that takes.
#pragma once

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/backoff.h"
#include "identity/credentials.h"
#include "node/enrolment/enrolment.h"
#include "node/enrolment/identity_calls.h"
#include "node/enrolment/problem.h"
#include "node/enrolment/renewal_schedule.h"

namespace heddle::node {

// Not thread-safe, but for Cancel.
class Member {
 public:
  // Errors as Enrolment::Start's.
  static absl::StatusOr<std::unique_ptr<Member>> Open(EnrolmentOptions options);

  // Does what is due at `now`, by the wall clock, and answers how long there is nothing to do
  // unless a file or the clock changes. `trust`: what has been heard since the last step;
  // `refused`: the certificate that is not admitted at present.
  absl::Duration Step(std::optional<Trust> trust, const std::optional<RefusedCertificate>& refused,
                      absl::Time now);
  // Ends a call under way, and lets no other begin.
  void Cancel() { calls_.Cancel(); }

  // Null before there is an identity; then the same for ever.
  const std::shared_ptr<identity::LiveCredentials>& live() const { return live_; }
  const std::vector<std::string>& controllers() const { return controllers_; }
  // But for the certificate.
  const EnrolmentFacts& facts() const { return facts_; }
  const StateFiles& state() const { return options_.state; }

 private:
  explicit Member(EnrolmentOptions options);
  identity::Principal principal() const { return {identity::Role::kNode, options_.node_id}; }
  absl::Status OpenLive(const identity::CredentialFiles& files);
  absl::Status FindControllers();
  absl::Status KeepIdentity(const identity::Credentials& credentials);

  bool HasAnotherTicket() const;
  absl::Duration Join(absl::Time now);
  absl::Status AskToJoin(absl::Time now);
  absl::Status KeepJoined();
  bool JoinsWithAnotherKey() const;
  void DropPendingKey() const;

  void UseTrust(const identity::Credentials& present, absl::Time now);
  absl::Duration Renew(const identity::Credentials& present, absl::Time now);
  absl::Status AskToRenew(const identity::Credentials& present, absl::Time now);
  absl::Duration KeepRenewed(absl::Time now);

  const EnrolmentOptions options_;
  std::mt19937_64 random_;
  IdentityCalls calls_;
  std::shared_ptr<identity::LiveCredentials> live_;
  std::vector<std::string> controllers_;
  EnrolmentFacts facts_;

  std::string ticket_text_;  // tried last
  absl::Time join_again_ = absl::InfinitePast();
  Backoff unreached_retry_, refused_retry_;
  // Answered, checked, and not on the disk yet: nobody is asked again for that.
  std::optional<identity::Credentials> joined_, renewed_;
  std::vector<std::string> joined_controllers_;
  std::string joined_ticket_id_;

  RenewalSchedule schedule_;
  std::optional<Trust> trust_;  // heard, and not taken over yet
};

}  // namespace heddle::node
