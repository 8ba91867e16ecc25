#include "storage/rocksdb/engine.h"

#include <algorithm>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status_macros.h"
#include "spdlog/spdlog.h"

namespace heddle::storage {
namespace {

// A group is one write: bounded, so that its answers do not wait for ever.
constexpr std::size_t kGroupTransactions = 1024;
constexpr std::size_t kGroupBytes = 4 << 20;

class EngineCandidacy final : public Candidacy {
 public:
  explicit EngineCandidacy(std::shared_ptr<Candidate> candidate)
      : candidate_(std::move(candidate)) {}
  ~EngineCandidacy() override { candidate_->Resign(); }
  absl::Status StepDown() override {
    return absl::FailedPreconditionError(
        "this controller is the only one: its store is embedded. With etcd there can be several");
  }
  bool Leads() const override { return candidate_->elected(); }

 private:
  const std::shared_ptr<Candidate> candidate_;
};

}  // namespace

Engine::Engine(RocksdbOptions options, OpenedDirectory opened,
               std::unique_ptr<AcknowledgedMark> mark)
    : options_(std::move(options)),
      slot_(std::move(opened.database)),
      mailbox_(options_.queue_limit),
      mark_(std::move(mark)),
      position_(opened.meta.position()),
      history_(opened.meta.history),
      term_(opened.meta.term) {
  SetHealth(/*writable=*/true, "");
  thread_ = std::thread([this] { Run(); });
}

Engine::~Engine() {
  mailbox_.Close();
  thread_.join();
  feed_.EndAll(absl::UnavailableError("the store was closed"));
}

void Engine::Commit(Transaction transaction, Store::CommitDone done) {
  Work work = Commitment{std::move(transaction), std::move(done)};
  if (mailbox_.Post(std::move(work))) return;
  // A refused post leaves the item as it was.
  std::get<Commitment>(work).done(absl::UnavailableError(
      absl::StrCat(options_.queue_limit, " transactions wait already; try again later")));
}

absl::StatusOr<std::unique_ptr<Subscription>> Engine::Subscribe(absl::string_view prefix,
                                                                const Position& after,
                                                                ChangeSink* sink) {
  // The database, not position_: a listing may have seen a commit that is not answered yet.
  HEDDLE_ASSIGN_OR_RETURN(const Meta meta,
                          slot_.With([](const Database& d) { return d.ReadMeta(); }));
  HEDDLE_RETURN_IF_ERROR(CheckPosition(after, meta.position()));
  std::unique_ptr<Subscription> subscription = feed_.Add(std::string(prefix), after.revision, sink);
  // A history that ended in between has not ended this one.
  HEDDLE_ASSIGN_OR_RETURN(const Meta added,
                          slot_.With([](const Database& d) { return d.ReadMeta(); }));
  HEDDLE_RETURN_IF_ERROR(CheckPosition(after, added.position()));
  mailbox_.Post(Wake{});  // a full mailbox needs no wake
  return subscription;
}

absl::StatusOr<std::unique_ptr<Candidacy>> Engine::Campaign(const Member& self,
                                                            LeadershipListener* listener) {
  auto candidate = std::make_shared<Candidate>(self, listener);
  {
    MutexLock lock(&mutex_);
    if (candidate_ != nullptr && !candidate_->resigned()) {
      return absl::AlreadyExistsError(absl::StrCat(
          "'", candidate_->id(), "' already stands for leadership of ", options_.path));
    }
    candidate_ = candidate;
  }
  mailbox_.Post(Wake{});
  return std::make_unique<EngineCandidacy>(std::move(candidate));
}

std::optional<Member> Engine::candidate() {
  MutexLock lock(&mutex_);
  if (candidate_ == nullptr || candidate_->resigned()) return std::nullopt;
  return candidate_->self();
}

absl::Status Engine::Trim(Revision keep_from) {
  if (mailbox_.Post(Trimming{keep_from})) return absl::OkStatus();
  return absl::UnavailableError("too much work waits already; try again later");
}

Engine::WriteHealth Engine::write_health() {
  MutexLock lock(&mutex_);
  return health_;
}

void Engine::SetHealth(bool writable, std::string alarm) {
  writable_ = writable;
  MutexLock lock(&mutex_);
  health_ = {writable, std::move(alarm), position_, history_};
}

void Engine::Run() {
  PublishNew({});
  for (;;) {
    std::deque<Work> work =
        mailbox_.TakeAll(writable_ ? absl::InfiniteDuration() : options_.reopen_interval);
    if (work.empty() && mailbox_.closed()) return;
    std::deque<Commitment> commitments;
    std::vector<Beginning> beginnings;
    for (Work& item : work) {
      if (auto* commitment = std::get_if<Commitment>(&item)) {
        commitments.push_back(std::move(*commitment));
      } else if (const auto* trimming = std::get_if<Trimming>(&item)) {
        keep_from_ = std::max(keep_from_, trimming->keep_from);
      } else if (auto* beginning = std::get_if<Beginning>(&item)) {
        beginnings.push_back(std::move(*beginning));
      }
    }
    if (!writable_) ReopenIfDue();
    ElectWaiting();
    Trim();
    CommitAll(std::move(commitments));
    PublishNew({});
    for (const Beginning& beginning : beginnings) beginning.done(BeginHistory());
    if (!beginnings.empty()) ElectWaiting();
  }
}

void Engine::CommitAll(std::deque<Commitment> waiting) {
  while (!waiting.empty() && writable_) CommitNextGroup(&waiting);
  Refuse(waiting);
}

void Engine::CommitNextGroup(std::deque<Commitment>* waiting) {
  CommitGroup group(slot_.get(), position_, fence_);
  std::vector<Store::CommitDone> callbacks;
  std::vector<absl::StatusOr<Outcome>> answers;
  while (!waiting->empty() && answers.size() < kGroupTransactions && group.bytes() < kGroupBytes) {
    answers.push_back(group.Add(waiting->front().transaction));
    callbacks.push_back(std::move(waiting->front().done));
    waiting->pop_front();
  }
  if (!group.batches().empty()) {
    if (const absl::Status written = group.Write(); !written.ok()) {
      StopWriting(written);
      const absl::Status unknown = absl::UnknownError(absl::StrCat(
          written.message(), "; whether the transaction was applied is known once the database is ",
          "open again"));
      for (const auto& done : callbacks) done(unknown);
      return;
    }
    position_ = group.position();
    PublishNew(group.batches());
  }
  for (std::size_t i = 0; i < answers.size(); ++i) callbacks[i](std::move(answers[i]));
  KeepWithinHistoryLimit();
}

// The mark, the health and the subscribers learn of what is durable.
void Engine::PublishNew(const std::vector<Batch>& fresh) {
  if (!fresh.empty()) {
    NoteOnMark();
    MutexLock lock(&mutex_);
    health_.position = position_;
  }
  if (slot_.get() != nullptr) feed_.Publish(fresh, position_.revision, *slot_.get());
}

void Engine::NoteOnMark() {
  const absl::Status marked = mark_->Write(position_);
  if (!marked.ok() && !mark_failed_) {
    spdlog::warn("{}: a log cut short by damage may go unnoticed at the next start",
                 std::string(marked.message()));
  }
  mark_failed_ = !marked.ok();
}

void Engine::ElectWaiting() {
  std::shared_ptr<Candidate> candidate;
  {
    MutexLock lock(&mutex_);
    if (candidate_ != nullptr && candidate_->resigned()) candidate_ = nullptr;
    candidate = candidate_;
  }
  if (!writable_ || candidate == nullptr || candidate->elected()) return;
  if (const absl::Status written = slot_.get()->WriteTerm(term_ + 1); !written.ok()) {
    StopWriting(written);
    return;
  }
  ++term_;
  absl::BitGen random;
  fence_ = Fence(term_, absl::StrFormat("%016x", absl::Uniform<std::uint64_t>(random)));
  candidate->TellLeader(candidate->self());
  candidate->Elect(*fence_);
}

void Engine::Trim() {
  if (!writable_ || keep_from_ == 0) return;
  const Revision keep_from = std::min(std::exchange(keep_from_, 0), position_.revision + 1);
  // A subscriber that waits for its first batches is served from the log as it was.
  PublishNew({});
  if (const absl::Status trimmed = slot_.get()->TrimLog(keep_from); !trimmed.ok()) {
    StopWriting(trimmed);
  }
}

// Not at every commit: one range deletion for an eighth of the limit.
void Engine::KeepWithinHistoryLimit() {
  const Revision held = position_.revision + 1 - slot_.get()->Oldest();
  if (held <= options_.history_limit + options_.history_limit / 8) return;
  keep_from_ = std::max<Revision>(keep_from_, position_.revision + 1 - options_.history_limit);
  Trim();
}

}  // namespace heddle::storage
