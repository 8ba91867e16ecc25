// What the benchmarks of commits share: a rate with its latencies, the table of the results, the
// command line, and the yardstick of the embedded engine, which is RocksDB with nothing around it
// doing synced writes of the same bytes.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "storage/store.h"

namespace rocksdb {
class DB;
}

namespace heddle::storage {

using SteadyClock = std::chrono::steady_clock;

double MillisecondsSince(SteadyClock::time_point start);

// Prints why to standard error and ends the process. For benchmarks, which cannot go on.
[[noreturn]] void Die(const std::string& why);
// Die calls it first, from whichever thread fails: for what would outlive the process. Null:
// nothing.
void BeforeDeath(std::function<void()> act);

// One measurement: operations that ended, and how long each took.
struct Rate {
  double per_second = 0;
  double cpu_us_per_operation = 0;           // of the whole process
  double children_cpu_us_per_operation = 0;  // of the members of etcd; coarse: ticks of the kernel
  std::vector<double> latencies_ms;

  double Percentile(double p);  // 0 to 1; 0 when nothing ended
};

// Measures the process from its construction: time, and CPU.
class RateWatch {
 public:
  RateWatch();
  Rate Stop(std::vector<double> latencies_ms) const;

 private:
  const SteadyClock::time_point start_;
  const double cpu_us_, children_cpu_us_;
};

// The results: each measurement as a line when it is made, and at the end the medians of equal
// ones.
class RateTable {
 public:
  explicit RateTable(const char* operation);  // as in "commits/s"
  void Add(const char* name, int concurrency, Rate rate);
  void PrintMedians() const;
  // What part of `bare`'s rate `name` has: the median of the rounds' own ratios, and the least and
  // most of them. Both were added once a round.
  void PrintRatios(const std::string& name, const std::string& bare) const;

 private:
  struct Figures {
    std::vector<double> per_second, p50_ms, p99_ms, cpu_us, children_cpu_us;
  };
  std::map<std::pair<int, std::string>, Figures> figures_;  // by concurrency and name
};

// Measures in `folder`, which is empty, for `seconds` each.
struct CommitBenchmark {
  std::string folder;
  std::vector<std::string> engines{"rocksdb", "etcd-1", "etcd-3"};
  double seconds = 1;
  int rounds = 5;
};
// Parses the command line, makes the folder, runs, and removes it. The exit code.
int RunCommitBenchmark(int argc, char** argv, const char* description,
                       const std::function<void(const CommitBenchmark&)>& run);

// The same work with nothing around it.
class Bare {
 public:
  virtual ~Bare() = default;
  virtual Rate Run(int concurrency, double seconds) = 0;
};

class BareRocksdb final : public Bare {
 public:
  // The puts of transaction `number`; all different.
  using Writes = std::function<std::vector<Write>(int number)>;

  // Makes a database with RocksDB's defaults in `folder`.
  BareRocksdb(const std::string& folder, Writes writes);
  ~BareRocksdb() override;

  // `threads` threads, each with one synced write in flight: the keys and values of a transaction,
  // and once more in one value as a change log has them.
  Rate Run(int threads, double seconds) override;

 private:
  std::vector<double> RunThread(SteadyClock::time_point end);

  const Writes writes_;
  std::unique_ptr<rocksdb::DB> db_;
  std::atomic<int> next_{0};
};

}  // namespace heddle::storage
