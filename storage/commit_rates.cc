#include "storage/commit_rates.h"

#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "rocksdb/db.h"

namespace heddle::storage {
namespace {

std::function<void()> before_death;

double CpuMicroseconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto microseconds = [](const timeval& t) { return t.tv_sec * 1e6 + t.tv_usec; };
  return microseconds(usage.ru_utime) + microseconds(usage.ru_stime);
}

// Of the processes that this one has started and that run: the members of etcd.
double ChildrenCpuMicroseconds() {
  static const double microseconds_per_tick = 1e6 / static_cast<double>(sysconf(_SC_CLK_TCK));
  double ticks = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream children(thread.path() / "children");
    for (int pid = 0; children >> pid;) {
      std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
      std::string stat((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
      // Fields 14 and 15, of which the third comes after the name in parentheses.
      std::istringstream fields(stat.substr(std::min(stat.rfind(')') + 1, stat.size())));
      std::string skipped;
      for (int field = 3; field < 14; ++field) fields >> skipped;
      double user = 0, system = 0;
      fields >> user >> system;
      ticks += user + system;
    }
  }
  return ticks * microseconds_per_tick;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

}  // namespace

double MillisecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count();
}

void Die(const std::string& why) {
  fprintf(stderr, "%s\n", why.c_str());
  static std::atomic<bool> is_dying{false};
  if (is_dying.exchange(true)) pause();  // another thread was first, and ends the process
  if (before_death) before_death();
  _exit(1);
}

void BeforeDeath(std::function<void()> act) { before_death = std::move(act); }

double Rate::Percentile(double p) {
  if (latencies_ms.empty()) return 0;
  const std::size_t at = static_cast<std::size_t>(p * (latencies_ms.size() - 1));
  std::nth_element(latencies_ms.begin(), latencies_ms.begin() + at, latencies_ms.end());
  return latencies_ms[at];
}

RateWatch::RateWatch()
    : start_(SteadyClock::now()),
      cpu_us_(CpuMicroseconds()),
      children_cpu_us_(ChildrenCpuMicroseconds()) {}

Rate RateWatch::Stop(std::vector<double> latencies_ms) const {
  Rate rate;
  const double operations = std::max<double>(latencies_ms.size(), 1);
  rate.per_second = latencies_ms.size() / (MillisecondsSince(start_) / 1000);
  rate.cpu_us_per_operation = (CpuMicroseconds() - cpu_us_) / operations;
  rate.children_cpu_us_per_operation = (ChildrenCpuMicroseconds() - children_cpu_us_) / operations;
  rate.latencies_ms = std::move(latencies_ms);
  return rate;
}

RateTable::RateTable(const char* operation) {
  printf("%-12s %11s %14s %9s %9s %9s %9s %9s\n", "", "concurrency", operation, "p50 ms", "p99 ms",
         "p99.9 ms", "CPU us", "etcd us");
}

void RateTable::Add(const char* name, int concurrency, Rate rate) {
  printf("%-12s %11d %14.0f %9.2f %9.2f %9.2f %9.1f %9.1f\n", name, concurrency, rate.per_second,
         rate.Percentile(0.5), rate.Percentile(0.99), rate.Percentile(0.999),
         rate.cpu_us_per_operation, rate.children_cpu_us_per_operation);
  fflush(stdout);
  Figures& figures = figures_[{concurrency, name}];
  figures.per_second.push_back(rate.per_second);
  figures.p50_ms.push_back(rate.Percentile(0.5));
  figures.p99_ms.push_back(rate.Percentile(0.99));
  figures.cpu_us.push_back(rate.cpu_us_per_operation);
  figures.children_cpu_us.push_back(rate.children_cpu_us_per_operation);
}

void RateTable::PrintMedians() const {
  for (const auto& [key, figures] : figures_) {
    const auto [least, most] =
        std::minmax_element(figures.per_second.begin(), figures.per_second.end());
    printf(
        "median: %-12s %4d in flight: %.0f/s (%.0f to %.0f), p50 %.2f ms, p99 %.2f ms, CPU %.1f "
        "us, of etcd %.1f us\n",
        key.second.c_str(), key.first, Median(figures.per_second), *least, *most,
        Median(figures.p50_ms), Median(figures.p99_ms), Median(figures.cpu_us),
        Median(figures.children_cpu_us));
  }
}

void RateTable::PrintRatios(const std::string& name, const std::string& bare) const {
  for (const auto& [key, figures] : figures_) {
    if (key.second != name) continue;
    const Figures& yardstick = figures_.at({key.first, bare});
    std::vector<double> ratios;
    for (std::size_t i = 0; i < figures.per_second.size(); ++i) {
      ratios.push_back(figures.per_second[i] / yardstick.per_second[i]);
    }
    const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
    printf("ratio: %-12s %4d in flight: %.2f of bare (%.2f to %.2f)\n", name.c_str(), key.first,
           Median(ratios), *least, *most);
  }
}

int RunCommitBenchmark(int argc, char** argv, const char* description,
                       const std::function<void(const CommitBenchmark&)>& run) {
  CLI::App app(description);
  CommitBenchmark benchmark;
  benchmark.folder = "/var/tmp";
  app.add_option("--dir", benchmark.folder,
                 "Where to make a temporary folder; on the disk to measure.");
  app.add_option("--engines", benchmark.engines, "What to measure, one after the other.")
      ->delimiter(',')
      ->check(CLI::IsMember({"rocksdb", "etcd-1", "etcd-3", "etcd-5"}));
  app.add_option("--seconds", benchmark.seconds, "Duration of each measurement.")
      ->check(CLI::Range(0.1, 1e3));
  app.add_option("--rounds", benchmark.rounds, "How often to repeat all of them.")
      ->check(CLI::Range(1, 100));
  CLI11_PARSE(app, argc, argv);
  benchmark.folder += "/commit-benchmark-XXXXXX";
  if (mkdtemp(benchmark.folder.data()) == nullptr) Die("cannot make " + benchmark.folder);
  run(benchmark);
  std::filesystem::remove_all(benchmark.folder);
  return 0;
}

BareRocksdb::BareRocksdb(const std::string& folder, Writes writes) : writes_(std::move(writes)) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* raw = nullptr;
  if (const auto s = rocksdb::DB::Open(options, folder, &raw); !s.ok()) Die(s.ToString());
  db_.reset(raw);
}

BareRocksdb::~BareRocksdb() = default;

Rate BareRocksdb::Run(int threads, double seconds) {
  const RateWatch watch;
  const auto end =
      SteadyClock::now() + std::chrono::microseconds(static_cast<std::int64_t>(seconds * 1e6));
  std::vector<std::vector<double>> latencies(threads);
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] { latencies[t] = RunThread(end); });
  }
  for (std::thread& worker : workers) worker.join();
  std::vector<double> all;
  for (const auto& some : latencies) all.insert(all.end(), some.begin(), some.end());
  return watch.Stop(std::move(all));
}

std::vector<double> BareRocksdb::RunThread(SteadyClock::time_point end) {
  rocksdb::WriteOptions synced;
  synced.sync = true;
  std::vector<double> latencies;
  while (SteadyClock::now() < end) {
    const int number = next_++;
    rocksdb::WriteBatch batch;
    std::string log;
    for (const Write& write : writes_(number)) {
      batch.Put(write.key, write.value);
      log += write.key + write.value;
    }
    batch.Put(absl::StrCat("log/", number), log);
    const auto begun = SteadyClock::now();
    if (const auto s = db_->Write(synced, &batch); !s.ok()) Die(s.ToString());
    latencies.push_back(MillisecondsSince(begun));
  }
  return latencies;
}

}  // namespace heddle::storage
