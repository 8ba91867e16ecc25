#include "storage/rocksdb/rocksdb_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "rocksdb/env.h"
#include "storage/rocksdb/engine.h"
#include "storage/transaction.h"

namespace heddle::storage {
namespace {

class RocksdbStore final : public Store {
 public:
  RocksdbStore(const RocksdbOptions& options, OpenedDirectory opened,
               std::unique_ptr<AcknowledgedMark> mark)
      : path_(options.path), engine_(options, std::move(opened), std::move(mark)) {}

  void Commit(Transaction transaction, CommitDone done) override {
    if (absl::Status valid = CheckTransaction(transaction); !valid.ok()) {
      done(std::move(valid));
      return;
    }
    engine_.Commit(std::move(transaction), std::move(done));
  }

  // One process: both consistencies are the same read.
  absl::StatusOr<std::optional<Record>> Get(absl::string_view key, Consistency) override {
    return engine_.database().With([&](const Database& d) { return d.Find(key); });
  }

  absl::StatusOr<Page> List(absl::string_view prefix, absl::string_view cursor, std::size_t limit,
                            Consistency) override {
    return engine_.database().List(prefix, cursor, limit);
  }

  absl::StatusOr<std::unique_ptr<Subscription>> Subscribe(absl::string_view prefix, Position after,
                                                          ChangeSink* sink) override {
    return engine_.Subscribe(prefix, after, sink);
  }

  absl::StatusOr<std::unique_ptr<Candidacy>> Campaign(const Member& self,
                                                      LeadershipListener* listener) override {
    return engine_.Campaign(self, listener);
  }

  // A transaction of nothing is answered in its turn, with the position that was reached.
  void ReadPosition(PositionDone done) override {
    engine_.Commit({}, [done = std::move(done)](const absl::StatusOr<Outcome>& outcome) {
      if (outcome.ok()) return done(outcome->position);
      done(outcome.status());
    });
  }

  absl::Status StartNewHistory() override { return engine_.StartNewHistory(); }

  absl::Status TrimHistory(Revision keep_from) override { return engine_.Trim(keep_from); }

  Health Describe() override {
    Engine::WriteHealth writing = engine_.write_health();
    Health health;
    health.engine = "rocksdb";
    health.detail = absl::StrCat("embedded, in ", path_);
    health.writable = writing.writable;
    health.position = std::move(writing.position);
    health.history = std::move(writing.history);
    if (const auto candidate = engine_.candidate()) health.members.push_back(*candidate);
    health.leader = engine_.candidate();
    if (!writing.writable) health.alarms.push_back(std::move(writing.alarm));
    const absl::StatusOr<std::uint64_t> bytes = engine_.database().With(
        [](const Database& d) -> absl::StatusOr<std::uint64_t> { return d.SizeBytes(); });
    if (bytes.ok()) {
      health.bytes = *bytes;
    } else {
      health.alarms.push_back(std::string(bytes.status().message()));
    }
    return health;
  }

 private:
  const std::string path_;
  Engine engine_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenRocksdbStore(const RocksdbOptions& given) {
  RocksdbOptions options = given;
  if (options.env == nullptr) options.env = rocksdb::Env::Default();
  if (options.path.empty()) return absl::InvalidArgumentError("no storage directory was given");
  auto mark = std::make_unique<AcknowledgedMark>(MarkFile(options.path));
  HEDDLE_ASSIGN_OR_RETURN(OpenedDirectory opened,
                          OpenDirectory(options.path, options.env, mark.get()));
  return std::unique_ptr<Store>(
      std::make_unique<RocksdbStore>(options, std::move(opened), std::move(mark)));
}

}  // namespace heddle::storage
