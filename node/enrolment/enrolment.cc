#include "node/enrolment/enrolment.h"

#include <algorithm>
#include <condition_variable>
#include <random>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "node/enrolment/member.h"
#include "node/enrolment/problem.h"
#include "spdlog/spdlog.h"

namespace heddle::node {
namespace {

// The clock may be set, and problems come with time: looked at so often at least.
constexpr absl::Duration kLongestSleep = absl::Seconds(30);

}  // namespace

// The thread, and what others see of it; what the thread does is Member's.
class Enrolment::Impl {
 public:
  explicit Impl(std::unique_ptr<Member> member) : member_(std::move(member)) {
    Publish();
    thread_ = std::thread([this] { Run(); });
  }
  ~Impl() {
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
    }
    member_->Cancel();
    wake_.notify_all();
    thread_.join();
  }

  std::shared_ptr<const identity::Credentials> Current() const {
    MutexLock lock(&mutex_);
    return live_ == nullptr ? nullptr : live_->Current();
  }
  std::vector<std::string> Controllers() const {
    MutexLock lock(&mutex_);
    return controllers_;
  }
  std::string Problem() const {
    const std::shared_ptr<const identity::Credentials> current = Current();
    MutexLock lock(&mutex_);
    EnrolmentFacts facts = facts_;
    if (current != nullptr) facts.certificate = current->leaf;
    return DescribeProblem(facts, absl::Now());
  }
  void TakeTrust(Trust trust) {
    {
      MutexLock lock(&mutex_);
      trust_ = std::move(trust);
    }
    Nudge();
  }
  void TakeRefusal(const std::optional<RefusedCertificate>& refused) {
    {
      MutexLock lock(&mutex_);
      if (refused_ == refused) return;
      refused_ = refused;
    }
    Nudge();
  }
  void OnChange(std::function<void()> changed) {
    MutexLock lock(&mutex_);
    changed_ = std::move(changed);
  }

 private:
  void Run();
  std::optional<Trust> NextTrust() {
    MutexLock lock(&mutex_);
    return std::exchange(trust_, std::nullopt);
  }
  std::optional<RefusedCertificate> Refused() {
    MutexLock lock(&mutex_);
    return refused_;
  }
  void Publish();
  void KeepProblem();
  void Nudge();
  bool Sleep(absl::Duration time);

  std::string problem_kept_;  // in the file; the thread's own
  mutable Mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false, nudged_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<Trust> trust_ ABSL_GUARDED_BY(mutex_);  // not taken up yet
  std::optional<RefusedCertificate> refused_ ABSL_GUARDED_BY(mutex_);
  EnrolmentFacts facts_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> controllers_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> changed_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<identity::LiveCredentials> live_ ABSL_GUARDED_BY(mutex_);
  // The thread's own, but for Cancel. Holds live_, too, whose thread calls Nudge and so has to end
  // before what that touches.
  const std::unique_ptr<Member> member_;
  std::thread thread_;
};

void Enrolment::Impl::Run() {
  problem_kept_ = ReadProblem(member_->state().problem);  // of an earlier run
  for (;;) {
    const absl::Duration rest = member_->Step(NextTrust(), Refused(), absl::Now());
    Publish();
    KeepProblem();
    if (!Sleep(std::min(rest, kLongestSleep))) return;
  }
}

// Lets others see what the last step has changed.
void Enrolment::Impl::Publish() {
  std::function<void()> changed;
  {
    MutexLock lock(&mutex_);
    facts_ = member_->facts();
    controllers_ = member_->controllers();
    if (live_ == nullptr && member_->live() != nullptr) {
      live_ = member_->live();
      live_->OnChange([this](const identity::Credentials&) { Nudge(); });
    }
    changed = changed_;
  }
  if (changed) changed();
}

void Enrolment::Impl::KeepProblem() {
  std::string problem = Problem();
  if (problem == problem_kept_) return;
  const absl::Status written = WriteProblem(member_->state().problem, problem);
  if (!written.ok()) spdlog::debug("{}", std::string(written.message()));
  problem_kept_ = std::move(problem);
}

void Enrolment::Impl::Nudge() {
  MutexLock lock(&mutex_);
  nudged_ = true;
  wake_.notify_all();
}

// False: to end.
bool Enrolment::Impl::Sleep(absl::Duration time) {
  MutexLock lock(&mutex_);
  wake_.wait_for(lock.native(), absl::ToChronoNanoseconds(time),
                 [this] { return stopping_ || nudged_; });
  nudged_ = false;
  return !stopping_;
}

Enrolment::Enrolment(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Enrolment::~Enrolment() = default;

absl::StatusOr<std::unique_ptr<Enrolment>> Enrolment::Start(EnrolmentOptions options) {
  HEDDLE_ASSIGN_OR_RETURN(std::unique_ptr<Member> member, Member::Open(std::move(options)));
  return std::unique_ptr<Enrolment>(new Enrolment(std::make_unique<Impl>(std::move(member))));
}

std::shared_ptr<const identity::Credentials> Enrolment::Current() const { return impl_->Current(); }
std::vector<std::string> Enrolment::Controllers() const { return impl_->Controllers(); }
std::string Enrolment::Problem() const { return impl_->Problem(); }
void Enrolment::TakeTrust(Trust trust) { impl_->TakeTrust(std::move(trust)); }
void Enrolment::TakeRefusal(const std::optional<RefusedCertificate>& refused) {
  impl_->TakeRefusal(refused);
}
void Enrolment::OnChange(std::function<void()> changed) { impl_->OnChange(std::move(changed)); }

}  // namespace heddle::node
