// Committed acquisitions per second and their latency: the controller's real path from a request to
// its answer (the writer's thread, the lease book, RocksDB on a real disk or etcd, the feed, the
// hub), only without a node's stream, against the same writes with nothing around them in the same
// run: storage/measured_engine.h.
//
//   bazel run --config=release //tests/bench:acquire_benchmark -- --dir /var/lib/somewhere
//
// Every request is of a new node. N of them are in flight; bare RocksDB has N threads. The two take
// turns, so that a change of the disk's mood hits both. The members of etcd run on this machine and
// its one disk.
#include <chrono>
#include <condition_variable>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "controller/lease_book_test_store.h"
#include "controller/watch_hub.h"
#include "controller/writer_thread.h"
#include "storage/commit_rates.h"
#include "storage/measured_engine.h"

namespace heddle::controller {
namespace {

using storage::Die;
using storage::MillisecondsSince;
using storage::SteadyClock;

// 2^20 subnets.
Network LargeNetwork() {
  Network network;
  const Prefix range = Prefix::Parse("10.0.0.0/8").value();
  network.ranges[Family::kV4] = Range{range, 28, range.base(), Prefix(range.last(), 28).base()};
  network.backend = CompleteBackend({"vxlan", {}}).value();
  return network;
}

AcquireRequest RequestOf(int number) {
  AcquireRequest request;
  request.node_id = absl::StrCat("node-", number);
  request.advertisement.public_address[Family::kV4] = Ip(Family::kV4, 0xC0000201 + number);
  request.advertisement.backend_type = "vxlan";
  request.advertisement.vtep_mac.bytes = {2, 0, 0, 0, 0, 1};
  return request;
}

// The puts of an acquisition, with other keys each time.
std::function<std::vector<storage::Write>(int)> WritesOfAcquisitions() {
  LeaseBook book{LeasePolicy()};
  TestStore store;
  const Decision set = book.DecideSetNetwork(LargeNetwork(), "", absl::UnixEpoch()).value();
  book.Apply(1, store.Commit(set.transaction).value());
  const AcquireRequest request = RequestOf(1);
  const Decision decision =
      book.DecideAcquire(request.node_id, request.advertisement, {}, absl::Now()).value();
  return [writes = decision.transaction.writes](int number) {
    std::vector<storage::Write> others = writes;
    for (storage::Write& write : others) absl::StrAppend(&write.key, "-", number);
    return others;
  };
}

// Keeps `in_flight` acquisitions going for a while. All of it but the constructor runs on the
// writer's thread.
class AcquireRun {
 public:
  AcquireRun(WriterThread* writer, int in_flight, double seconds, int* next_number)
      : writer_(writer), next_(next_number), running_(in_flight) {
    const storage::RateWatch watch;
    end_ = SteadyClock::now() + std::chrono::microseconds(static_cast<std::int64_t>(seconds * 1e6));
    Post([this, in_flight](Writer&) {
      for (int i = 0; i < in_flight; ++i) Acquire();
    });
    MutexLock lock(&mutex_);
    finished_.wait(lock.native(), [this] { return running_ == 0; });
    rate_ = watch.Stop(std::move(latencies_ms_));
  }
  storage::Rate rate() { return std::move(rate_); }

 private:
  void Post(WriterThread::Job job) {
    if (const absl::Status posted = writer_->Post(std::move(job)); !posted.ok()) {
      Die(std::string(posted.message()));
    }
  }

  // Through the mailbox, as requests come.
  void Acquire() {
    Post([this, number = (*next_)++, start = SteadyClock::now()](Writer& writer) {
      writer.Acquire(RequestOf(number), [this, start](const absl::StatusOr<LeaseGrant>& grant) {
        Answered(start, grant);
      });
    });
  }

  void Answered(SteadyClock::time_point start, const absl::StatusOr<LeaseGrant>& grant) {
    if (!grant.ok()) Die(std::string(grant.status().message()));
    latencies_ms_.push_back(MillisecondsSince(start));
    if (SteadyClock::now() < end_) return Acquire();
    MutexLock lock(&mutex_);
    if (--running_ == 0) finished_.notify_all();
  }

  WriterThread* const writer_;
  int* const next_;
  SteadyClock::time_point end_;
  std::vector<double> latencies_ms_;
  storage::Rate rate_;
  Mutex mutex_;
  std::condition_variable finished_;
  int running_;  // guarded by mutex_
};

void SetNetwork(WriterThread* writer) {
  Mutex mutex;
  std::condition_variable answered;
  std::optional<absl::Status> status;
  const absl::Status posted = writer->Post([&](Writer& w) {
    w.SetNetwork(LargeNetwork(), "", [&](const absl::StatusOr<Committed>& result) {
      MutexLock lock(&mutex);
      status = result.status();
      answered.notify_all();
    });
  });
  if (!posted.ok()) Die(std::string(posted.message()));
  MutexLock lock(&mutex);
  answered.wait(lock.native(), [&] { return status.has_value(); });
  if (!status->ok()) Die(std::string(status->message()));
}

void BenchmarkEngine(const std::string& name, const storage::CommitBenchmark& benchmark) {
  storage::MeasuredEngine engine(name, benchmark.folder, WritesOfAcquisitions());
  const SystemClock clock;
  WatchHub hub;
  Writer::Wiring wiring;
  wiring.store = engine.store();
  wiring.clock = &clock;
  wiring.hub = &hub;
  WriterThread writer({}, wiring, [](const absl::Status& why) { Die(std::string(why.message())); });
  if (const absl::Status started = writer.Start(); !started.ok()) {
    Die(std::string(started.message()));
  }
  SetNetwork(&writer);
  const std::string bare = "bare " + name;
  int next_number = 0;
  storage::RateTable table("acquisitions/s");
  for (int round = 0; round < benchmark.rounds; ++round) {
    for (const int concurrency : {1, 32, 128}) {
      AcquireRun run(&writer, concurrency, benchmark.seconds, &next_number);
      table.Add(name.c_str(), concurrency, run.rate());
      table.Add(bare.c_str(), concurrency, engine.bare()->Run(concurrency, benchmark.seconds));
    }
  }
  table.PrintMedians();
  table.PrintRatios(name, bare);
  writer.Stop();
}

void Benchmark(const storage::CommitBenchmark& benchmark) {
  for (const std::string& name : benchmark.engines) BenchmarkEngine(name, benchmark);
}

}  // namespace
}  // namespace heddle::controller

int main(int argc, char** argv) {
  return heddle::storage::RunCommitBenchmark(
      argc, argv,
      "Committed acquisitions per second of the controller without its streams, on each engine, "
      "against the same writes without it.",
      heddle::controller::Benchmark);
}
