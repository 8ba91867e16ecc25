#include "storage/etcd/leadership.h"

#include <algorithm>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"

namespace heddle::storage {

class Leadership::Standing final : public Candidacy {
 public:
  Standing(Leadership* leadership, std::shared_ptr<Candidate> candidate)
      : leadership_(leadership), candidate_(std::move(candidate)) {}
  ~Standing() override { leadership_->Resign(candidate_); }
  absl::Status StepDown() override { return leadership_->StepDown(candidate_); }
  bool Leads() const override { return leadership_->Leads(candidate_); }

 private:
  Leadership* const leadership_;
  const std::shared_ptr<Candidate> candidate_;
};

absl::StatusOr<std::unique_ptr<Candidacy>> Leadership::Campaign(const Member& self,
                                                                LeadershipListener* listener) {
  auto candidate = std::make_shared<Candidate>(self, listener);
  {
    MutexLock lock(&mutex_);
    if (stand_.candidate != nullptr) {
      return absl::AlreadyExistsError(
          absl::StrCat("'", stand_.candidate->id(), "' stands for leadership already"));
    }
    stand_.candidate = candidate;
    stand_.session = std::make_unique<EtcdSession>(
        EtcdSession::Options{options_.prefix, self, options_.ttl}, client_,
        [this, candidate] { thread_->Post([this, candidate] { OnDeposed(candidate); }); });
  }
  thread_->Post([this, candidate] { Introduce(candidate); });
  return std::make_unique<Standing>(this, std::move(candidate));
}

std::optional<Member> Leadership::leader() const {
  MutexLock lock(&mutex_);
  if (!leader_) return std::nullopt;
  return leader_->member;
}

// What is known of the key already.
void Leadership::Introduce(const std::shared_ptr<Candidate>& candidate) {
  MutexLock lock(&mutex_);
  if (stand_.candidate != candidate) return;
  if (is_known_) stand_.session->OnLeaderKey(leader_);
  Tell();
}

void Leadership::OnLeaderKey(std::optional<EtcdSession::LeaderKey> leader) {
  MutexLock lock(&mutex_);
  is_known_ = true;
  leader_ = std::move(leader);
  if (stand_.session == nullptr) return;
  stand_.session->OnLeaderKey(leader_);
  Tell();
}

void Leadership::OnLost() {
  MutexLock lock(&mutex_);
  is_known_ = false;
  leader_.reset();
  if (stand_.session == nullptr) return;
  stand_.session->OnWatchLost();
  Tell();
}

void Leadership::OnDeposed(const std::shared_ptr<Candidate>& candidate) {
  MutexLock lock(&mutex_);
  if (stand_.candidate == candidate) Tell();
}

// Whatever it was that changed.
void Leadership::Tell() {
  const std::optional<Fence> fence = stand_.session->fence();
  Candidate& candidate = *stand_.candidate;
  if (!fence || stand_.elected_term != fence->term()) {
    candidate.Depose();
    stand_.elected_term.reset();
  }
  std::optional<Member> leader;
  // The key of a lease that was lost is not yet gone.
  if (leader_ && (fence || leader_->member.id != candidate.id())) leader = leader_->member;
  candidate.TellLeader(leader);
  if (!fence) return;
  stand_.elected_term = fence->term();
  candidate.Elect(*fence);
}

void Leadership::Resign(const std::shared_ptr<Candidate>& candidate) {
  candidate->Resign();
  std::unique_ptr<EtcdSession> session;
  {
    MutexLock lock(&mutex_);
    if (stand_.candidate != candidate) return;
    session = std::move(stand_.session);
    stand_ = Stand();
  }
  session.reset();  // asks etcd, so not under the mutex
}

bool Leadership::Leads(const std::shared_ptr<Candidate>& candidate) const {
  MutexLock lock(&mutex_);
  return stand_.candidate == candidate && stand_.session->leads();
}

absl::Status Leadership::StepDown(const std::shared_ptr<Candidate>& candidate) {
  const std::vector<Member> members = options_.members();
  const auto is_other = [&](const Member& member) { return member.id != candidate->id(); };
  if (std::none_of(members.begin(), members.end(), is_other)) {
    return absl::FailedPreconditionError("nobody else could lead: no other controller is there");
  }
  auto done = std::make_shared<std::promise<absl::Status>>();
  std::future<absl::Status> answer = done->get_future();
  {
    MutexLock lock(&mutex_);
    if (stand_.candidate != candidate) return absl::FailedPreconditionError("it has resigned");
    stand_.session->StepDown([done](const absl::Status& status) { done->set_value(status); });
  }
  // The client answers every call.
  return answer.get();
}

}  // namespace heddle::storage
