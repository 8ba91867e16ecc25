// Committed transactions per second and their latency, on RocksDB on a real disk and on etcd, each
// against the same work with nothing around it in the same run: RocksDB doing synced writes of the
// same bytes, and etcd transactions of the same shape on a bare client.
//
//   bazel run --config=release //storage:commit_benchmark -- --dir /var/lib/somewhere --seconds 3
//
// The transaction has the shape of an allocation: fenced, two keys must be absent, both are put. N
// transactions are in flight; bare RocksDB has N threads (its own group commit). Store and
// yardstick take turns, so that a change of the disk's mood hits both. The members of etcd run on
// this machine and its one disk.
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "storage/commit_rates.h"
#include "storage/measured_engine.h"
#include "storage/test_sinks.h"

namespace heddle::storage {
namespace {

constexpr std::size_t kNodeRecordBytes = 200;
constexpr std::size_t kSubnetRecordBytes = 60;

std::vector<Write> WritesOf(int n) {
  return {
      {Write::Kind::kPut, absl::StrCat("net/_/node/node-", n), std::string(kNodeRecordBytes, 'n')},
      {Write::Kind::kPut, absl::StrCat("net/_/subnet/", n, "-24"),
       std::string(kSubnetRecordBytes, 's')}};
}

// Keeps `in_flight` allocations going for a while. Answers come from one thread, so what they touch
// needs no lock until the end.
class StoreRun {
 public:
  StoreRun(Store* store, const Fence& fence, int in_flight, double seconds, int* next_number)
      : store_(store), fence_(fence), next_(next_number), running_(in_flight) {
    const RateWatch watch;
    end_ = SteadyClock::now() + std::chrono::microseconds(static_cast<std::int64_t>(seconds * 1e6));
    std::vector<int> numbers;
    for (int i = 0; i < in_flight; ++i) numbers.push_back((*next_)++);
    for (const int number : numbers) Allocate(number);
    MutexLock lock(&mutex_);
    finished_.wait(lock.native(), [this] { return running_ == 0; });
    rate_ = watch.Stop(std::move(latencies_ms_));
  }
  Rate rate() { return std::move(rate_); }

 private:
  void Allocate(int number) {
    Transaction transaction;
    transaction.fence = fence_;
    transaction.writes = WritesOf(number);
    for (const Write& write : transaction.writes) {
      transaction.guards.push_back({Guard::Kind::kAbsent, write.key, 0});
    }
    store_->Commit(std::move(transaction),
                   [this, start = SteadyClock::now()](const absl::StatusOr<Outcome>& outcome) {
                     Answered(start, outcome);
                   });
  }

  void Answered(SteadyClock::time_point start, const absl::StatusOr<Outcome>& outcome) {
    if (!outcome.ok()) Die(std::string(outcome.status().message()));
    if (outcome->kind != Outcome::Kind::kApplied) Die("a guard failed: use an empty directory");
    latencies_ms_.push_back(MillisecondsSince(start));
    if (SteadyClock::now() < end_) return Allocate((*next_)++);
    MutexLock lock(&mutex_);
    if (--running_ == 0) finished_.notify_all();
  }

  Store* const store_;
  const Fence fence_;
  int* const next_;
  SteadyClock::time_point end_;
  std::vector<double> latencies_ms_;
  Rate rate_;
  Mutex mutex_;
  std::condition_variable finished_;
  int running_;  // guarded by mutex_
};

void BenchmarkEngine(const std::string& name, const CommitBenchmark& benchmark) {
  MeasuredEngine engine(name, benchmark.folder, WritesOf);
  RecordingListener listener;
  const auto candidacy = engine.store()->Campaign({"benchmark", "", ""}, &listener);
  if (!candidacy.ok()) Die(std::string(candidacy.status().message()));
  const std::optional<Fence> fence = listener.WaitForElection();
  if (!fence) Die("not elected");
  const std::string bare = "bare " + name;
  int next_number = 0;
  RateTable table("commits/s");
  for (int round = 0; round < benchmark.rounds; ++round) {
    for (const int concurrency : {1, 32, 128}) {
      StoreRun run(engine.store(), *fence, concurrency, benchmark.seconds, &next_number);
      table.Add(name.c_str(), concurrency, run.rate());
      table.Add(bare.c_str(), concurrency, engine.bare()->Run(concurrency, benchmark.seconds));
    }
  }
  table.PrintMedians();
  table.PrintRatios(name, bare);
}

void Benchmark(const CommitBenchmark& benchmark) {
  for (const std::string& name : benchmark.engines) BenchmarkEngine(name, benchmark);
}

}  // namespace
}  // namespace heddle::storage

int main(int argc, char** argv) {
  return heddle::storage::RunCommitBenchmark(
      argc, argv,
      "Committed transactions per second of each engine, against the same work without it.",
      heddle::storage::Benchmark);
}
