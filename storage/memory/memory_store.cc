#include "storage/memory/memory_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "storage/transaction.h"

namespace heddle::storage {
namespace {

bool StartsWith(const std::string& key, absl::string_view prefix) {
  return key.compare(0, prefix.size(), prefix.data(), prefix.size()) == 0;
}

}  // namespace

class MemoryStore::Records final : public RecordView {
 public:
  explicit Records(const Table& table) : table_(table) {}

  absl::StatusOr<std::optional<Record>> Find(absl::string_view key) const override {
    const auto it = table_.find(std::string(key));
    if (it == table_.end()) return std::optional<Record>();
    return std::optional<Record>(it->second);
  }

  absl::StatusOr<std::optional<Record>> FirstUnder(absl::string_view prefix) const override {
    const auto it = table_.lower_bound(std::string(prefix));
    if (it == table_.end() || !StartsWith(it->first, prefix)) return std::optional<Record>();
    return std::optional<Record>(it->second);
  }

 private:
  const Table& table_;
};

// Copies what it reads, so that no callback runs under the store's lock.
class MemoryStore::Log final : public ChangeLog {
 public:
  explicit Log(MemoryStore* store) : store_(store) {}

  Revision Oldest() const override {
    MutexLock lock(&store_->mutex_);
    return store_->log_.empty() ? store_->position_.revision + 1 : store_->log_.front().revision;
  }

  absl::Status Read(Revision first, Revision last,
                    const std::function<void(const Batch&)>& visit) const override {
    std::vector<Batch> found;
    {
      MutexLock lock(&store_->mutex_);
      for (const Batch& batch : store_->log_) {
        if (batch.revision >= first && batch.revision <= last) found.push_back(batch);
      }
    }
    for (const Batch& batch : found) visit(batch);
    return absl::OkStatus();
  }

 private:
  MemoryStore* const store_;
};

MemoryStore::MemoryStore(MemoryOptions options)
    : options_(std::move(options)),
      position_{options_.history, 0},
      history_{options_.history, absl::UnixEpoch(), /*restored=*/false},
      listings_(/*capacity=*/64, absl::InfiniteDuration()) {}

MemoryStore::~MemoryStore() { feed_.EndAll(absl::UnavailableError("the store was closed")); }

void MemoryStore::Commit(Transaction transaction, CommitDone done) {
  if (absl::Status valid = CheckTransaction(transaction); !valid.ok()) {
    done(std::move(valid));
    return;
  }
  {
    MutexLock lock(&mutex_);
    // Queues the batch; the answer comes behind it.
    absl::StatusOr<Outcome> answer = CommitLocked(transaction);
    events_.push_back([done = std::move(done), answer = std::move(answer)] { done(answer); });
  }
  DeliverAll();
}

absl::StatusOr<Outcome> MemoryStore::CommitLocked(const Transaction& transaction) {
  if (fail_next_ > 0) {
    --fail_next_;
    return absl::UnavailableError("the commit was made to fail; it was not applied");
  }
  if (unknown_next_ == 0) return Apply(transaction);
  --unknown_next_;
  if (unknown_applied_) HEDDLE_RETURN_IF_ERROR(Apply(transaction).status());
  return absl::UnknownError("the answer was made to be lost; perhaps the commit was applied");
}

absl::StatusOr<Outcome> MemoryStore::Apply(const Transaction& transaction) {
  const Revision next = position_.revision + 1;
  HEDDLE_ASSIGN_OR_RETURN(Verdict verdict, Evaluate(transaction, fence_, next, Records(records_)));
  if (!verdict.changes.empty()) Keep({next, std::move(verdict.changes)});
  return Outcome{verdict.kind, position_, std::move(verdict.current)};
}

void MemoryStore::Keep(Batch batch) {
  for (const Change& change : batch.changes) {
    if (change.deleted) {
      records_.erase(change.record.key);
    } else {
      records_[change.record.key] = change.record;
    }
  }
  position_.revision = batch.revision;
  log_.push_back(batch);
  while (log_.size() > options_.history_limit) log_.pop_front();
  events_.push_back([this, batch = std::move(batch)] { PublishUpTo(batch.revision, {batch}); });
}

absl::StatusOr<std::optional<Record>> MemoryStore::Get(absl::string_view key, Consistency) {
  MutexLock lock(&mutex_);
  return Records(records_).Find(key);
}

absl::StatusOr<Page> MemoryStore::List(absl::string_view prefix, absl::string_view cursor,
                                       std::size_t limit, Consistency) {
  if (limit == 0) return absl::InvalidArgumentError("a page of at most 0 records was asked for");
  MutexLock lock(&mutex_);
  Listing listing;
  Cursor at;
  if (cursor.empty()) {
    listing = {std::make_shared<const Table>(records_), position_};
  } else {
    const auto parsed = Cursor::Parse(cursor, prefix);
    if (!parsed) return absl::InvalidArgumentError("the cursor is not of a listing of this prefix");
    at = *parsed;
    const Listing* open = listings_.Find(at.listing, absl::UnixEpoch());
    if (open == nullptr) {
      return absl::FailedPreconditionError("the listing is no longer held; start it again");
    }
    listing = *open;
  }
  Page page;
  page.position = listing.position;
  auto it = cursor.empty() ? listing.records->lower_bound(std::string(prefix))
                           : listing.records->upper_bound(at.last_key);
  const auto more = [&] { return it != listing.records->end() && StartsWith(it->first, prefix); };
  for (; more() && page.records.size() < limit; ++it) page.records.push_back(it->second);
  if (more()) {
    if (at.listing == 0) at.listing = listings_.Add(listing, absl::UnixEpoch());
    at.last_key = page.records.back().key;
    page.next_cursor = at.ToString();
  } else {
    listings_.Remove(at.listing);
  }
  return page;
}

void MemoryStore::ReadPosition(PositionDone done) {
  {
    MutexLock lock(&mutex_);
    events_.push_back([done = std::move(done), position = position_] { done(position); });
  }
  DeliverAll();
}

absl::StatusOr<std::unique_ptr<Subscription>> MemoryStore::Subscribe(absl::string_view prefix,
                                                                     Position after,
                                                                     ChangeSink* sink) {
  std::unique_ptr<Subscription> subscription;
  {
    MutexLock lock(&mutex_);
    HEDDLE_RETURN_IF_ERROR(CheckPosition(after, position_));
    subscription = feed_.Add(std::string(prefix), after.revision, sink);
    events_.push_back([this] { PublishUpTo(0, {}); });
  }
  DeliverAll();
  return subscription;
}

// Revision 0: no new batch, but perhaps a new subscriber.
void MemoryStore::PublishUpTo(Revision revision, const std::vector<Batch>& fresh) {
  Revision last;
  {
    MutexLock lock(&mutex_);
    last = published_ = std::max(published_, revision);
  }
  feed_.Publish(fresh, last, Log(this));
}

absl::Status MemoryStore::TrimHistory(Revision keep_from) {
  MutexLock lock(&mutex_);
  while (!log_.empty() && log_.front().revision < keep_from) log_.pop_front();
  return absl::OkStatus();
}

Health MemoryStore::Describe() {
  MutexLock lock(&mutex_);
  Health health;
  health.engine = "memory";
  health.detail = "records are lost when the process ends";
  health.writable = fail_next_ == 0;
  health.position = position_;
  health.history = history_;
  for (const auto& candidate : candidates_) health.members.push_back(candidate->self());
  std::sort(health.members.begin(), health.members.end(),
            [](const Member& a, const Member& b) { return a.id < b.id; });
  if (leader_ != nullptr) health.leader = leader_->self();
  for (const auto& [key, record] : records_) health.bytes += key.size() + record.value.size();
  if (!health.writable) {
    health.alarms.push_back(absl::StrCat("the next ", fail_next_, " commits will fail"));
  }
  return health;
}

bool MemoryStore::DeliverOne(bool even_if_held) {
  Event event;
  {
    MutexLock lock(&mutex_);
    if (delivering_ || events_.empty() || (hold_ && !even_if_held)) return false;
    delivering_ = true;
    event = std::move(events_.front());
    events_.pop_front();
  }
  event();
  MutexLock lock(&mutex_);
  delivering_ = false;
  return true;
}

void MemoryStore::DeliverAll() {
  while (DeliverOne(/*even_if_held=*/false)) {
  }
}

bool MemoryStore::Step() { return DeliverOne(/*even_if_held=*/true); }

}  // namespace heddle::storage
