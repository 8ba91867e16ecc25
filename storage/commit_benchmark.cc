// Committed transactions per second and their latency, on RocksDB on a real disk, against bare
// RocksDB doing synced writes of the same bytes in the same run.
//
//   bazel run --config=release //storage:commit_benchmark -- --dir /var/lib/somewhere --seconds 3
//
// The transaction has the shape of an allocation: two keys must be absent, both are put. The store
// has N transactions in flight; bare RocksDB has N threads (its own group commit). The two take
// turns, so that a change of the disk's mood hits both.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "rocksdb/db.h"
#include "storage/rocksdb/rocksdb_store.h"

namespace heddle::storage {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kNodeRecordBytes = 200;
constexpr std::size_t kSubnetRecordBytes = 60;

std::string NodeKey(int n) { return absl::StrCat("net/_/node/node-", n); }
std::string SubnetKey(int n) { return absl::StrCat("net/_/subnet/", n, "-24"); }

[[noreturn]] void Die(const std::string& why) {
  fprintf(stderr, "%s\n", why.c_str());
  _exit(1);
}

struct Result {
  double per_second = 0;
  std::vector<double> latencies_ms;

  double Percentile(double p) {
    if (latencies_ms.empty()) return 0;
    const std::size_t at = static_cast<std::size_t>(p * (latencies_ms.size() - 1));
    std::nth_element(latencies_ms.begin(), latencies_ms.begin() + at, latencies_ms.end());
    return latencies_ms[at];
  }
};

double MillisecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count();
}

// Keeps `in_flight` allocations going for a while. Answers come from one thread, so what they touch
// needs no lock until the end.
class StoreRun {
 public:
  StoreRun(Store* store, int in_flight, double seconds, int* next_number)
      : store_(store), next_(next_number), running_(in_flight) {
    const auto start = SteadyClock::now();
    end_ = start + std::chrono::microseconds(static_cast<std::int64_t>(seconds * 1e6));
    std::vector<int> numbers;
    for (int i = 0; i < in_flight; ++i) numbers.push_back((*next_)++);
    for (const int number : numbers) Allocate(number);
    MutexLock lock(&mutex_);
    finished_.wait(lock.native(), [this] { return running_ == 0; });
    result_.per_second = result_.latencies_ms.size() / (MillisecondsSince(start) / 1000);
  }
  Result result() { return std::move(result_); }

 private:
  void Allocate(int number) {
    Transaction transaction;
    const std::string node = NodeKey(number), subnet = SubnetKey(number);
    transaction.guards = {{Guard::Kind::kAbsent, node, 0}, {Guard::Kind::kAbsent, subnet, 0}};
    transaction.writes = {{Write::Kind::kPut, node, std::string(kNodeRecordBytes, 'n')},
                          {Write::Kind::kPut, subnet, std::string(kSubnetRecordBytes, 's')}};
    store_->Commit(std::move(transaction),
                   [this, start = SteadyClock::now()](const absl::StatusOr<Outcome>& outcome) {
                     Answered(start, outcome);
                   });
  }

  void Answered(SteadyClock::time_point start, const absl::StatusOr<Outcome>& outcome) {
    if (!outcome.ok()) Die(std::string(outcome.status().message()));
    if (outcome->kind != Outcome::Kind::kApplied) Die("a guard failed: use an empty directory");
    result_.latencies_ms.push_back(MillisecondsSince(start));
    if (SteadyClock::now() < end_) return Allocate((*next_)++);
    MutexLock lock(&mutex_);
    if (--running_ == 0) finished_.notify_all();
  }

  Store* const store_;
  int* const next_;
  SteadyClock::time_point end_;
  Result result_;
  Mutex mutex_;
  std::condition_variable finished_;
  int running_;  // guarded by mutex_
};

// The same keys and values with nothing around them, and once more as a change log would.
Result BareRun(rocksdb::DB* db, int threads, double seconds, std::atomic<int>* next) {
  const auto start = SteadyClock::now();
  const auto end = start + std::chrono::microseconds(static_cast<std::int64_t>(seconds * 1e6));
  rocksdb::WriteOptions synced;
  synced.sync = true;
  std::vector<std::vector<double>> latencies(threads);
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      while (SteadyClock::now() < end) {
        const int number = (*next)++;
        const std::string node(kNodeRecordBytes, 'n'), subnet(kSubnetRecordBytes, 's');
        rocksdb::WriteBatch batch;
        batch.Put(NodeKey(number), node);
        batch.Put(SubnetKey(number), subnet);
        batch.Put(absl::StrCat("log/", number),
                  NodeKey(number) + node + SubnetKey(number) + subnet);
        const auto begun = SteadyClock::now();
        if (const auto s = db->Write(synced, &batch); !s.ok()) Die(s.ToString());
        latencies[t].push_back(MillisecondsSince(begun));
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  Result result;
  for (const auto& some : latencies) {
    result.latencies_ms.insert(result.latencies_ms.end(), some.begin(), some.end());
  }
  result.per_second = result.latencies_ms.size() / (MillisecondsSince(start) / 1000);
  return result;
}

void Print(const char* name, int concurrency, Result result) {
  printf("%-6s %11d %12.0f %9.2f %9.2f %9.2f\n", name, concurrency, result.per_second,
         result.Percentile(0.5), result.Percentile(0.99), result.Percentile(0.999));
}

void Benchmark(const std::string& folder, double seconds, int rounds) {
  RocksdbOptions options;
  options.path = folder + "/store";
  auto store = OpenRocksdbStore(options);
  if (!store.ok()) Die(std::string(store.status().message()));
  rocksdb::Options bare_options;
  bare_options.create_if_missing = true;
  rocksdb::DB* bare = nullptr;
  if (const auto s = rocksdb::DB::Open(bare_options, folder + "/bare", &bare); !s.ok()) {
    Die(s.ToString());
  }
  const std::unique_ptr<rocksdb::DB> close_bare(bare);
  int next_number = 0;
  std::atomic<int> next_bare{0};
  printf("%-6s %11s %12s %9s %9s %9s\n", "", "concurrency", "commits/s", "p50 ms", "p99 ms",
         "p99.9 ms");
  for (int round = 0; round < rounds; ++round) {
    for (const int concurrency : {1, 32, 128}) {
      Print("store", concurrency,
            StoreRun(store->get(), concurrency, seconds, &next_number).result());
      Print("bare", concurrency, BareRun(bare, concurrency, seconds, &next_bare));
    }
  }
}

}  // namespace
}  // namespace heddle::storage

int main(int argc, char** argv) {
  CLI::App app("Committed transactions per second of the RocksDB store, against bare RocksDB.");
  std::string folder = "/var/tmp";
  double seconds = 3;
  int rounds = 2;
  app.add_option("--dir", folder, "Where to make a temporary folder; on the disk to measure.");
  app.add_option("--seconds", seconds, "Duration of each measurement.")
      ->check(CLI::Range(0.1, 1e3));
  app.add_option("--rounds", rounds, "How often to repeat all of them.")->check(CLI::Range(1, 100));
  CLI11_PARSE(app, argc, argv);
  std::string scratch = folder + "/commit-benchmark-XXXXXX";
  if (mkdtemp(scratch.data()) == nullptr) heddle::storage::Die("cannot make " + scratch);
  heddle::storage::Benchmark(scratch, seconds, rounds);
  std::filesystem::remove_all(scratch);
}
