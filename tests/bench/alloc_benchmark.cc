// Allocation without a store: the subnet pool alone at a million subnets, 99 % of them taken, and
// the whole of the lease book's work for one node that joins and one that leaves.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "controller/lease_book.h"
#include "controller/lease_book_test_store.h"
#include "controller/subnet_pool.h"

namespace heddle::controller {
namespace {

constexpr int kSubnets = 1 << 20;
constexpr int kHeld = kSubnets / 100 * 99;

// 10.0.0.0/8 in /28: 2^20 subnets, all of them given out.
Range MillionSubnets() {
  const Prefix network = Prefix::Parse("10.0.0.0/8").value();
  return {network, 28, network.base(), Prefix(network.last(), 28).base()};
}

std::vector<Prefix> AllSubnetsShuffled(const Range& range) {
  std::vector<Prefix> subnets;
  for (int i = 0; i < kSubnets; ++i) subnets.emplace_back(range.network.at(i * 16), 28);
  std::shuffle(subnets.begin(), subnets.end(), std::mt19937(1));
  return subnets;
}

// A pool with the first 99 % of `subnets` taken.
SubnetPool AlmostFull(const Range& range, const std::vector<Prefix>& subnets) {
  SubnetPool pool(range);
  for (int i = 0; i < kHeld; ++i) pool.Take(subnets[i]);
  return pool;
}

// One iteration frees a random subnet and acquires the lowest free one. That drives the free ones
// to the end of the range, so the scattered state is put back now and then.
void PoolReleaseAcquire(benchmark::State& state) {
  const Range range = MillionSubnets();
  const std::vector<Prefix> subnets = AllSubnetsShuffled(range);
  const SubnetPool scattered = AlmostFull(range, subnets);
  SubnetPool pool = scattered;
  std::mt19937 random(2);
  int since_reset = 0;
  for (auto _ : state) {
    if (++since_reset == 4096) {
      state.PauseTiming();
      pool = scattered;
      since_reset = 0;
      state.ResumeTiming();
    }
    pool.Free(subnets[random() % kHeld]);
    pool.Take(*pool.Lowest());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(PoolReleaseAcquire);

// Acquisitions only: the last hundredth of the pool, scattered, until it is empty.
void PoolAcquire(benchmark::State& state) {
  const Range range = MillionSubnets();
  const std::vector<Prefix> subnets = AllSubnetsShuffled(range);
  const SubnetPool full = AlmostFull(range, subnets);
  SubnetPool pool = full;
  for (auto _ : state) {
    auto subnet = pool.Lowest();
    if (!subnet) {
      state.PauseTiming();
      pool = full;
      subnet = pool.Lowest();
      state.ResumeTiming();
    }
    pool.Take(*subnet);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(PoolAcquire);

// A book with `nodes` leases, fed as a controller's is.
class FilledBook {
 public:
  explicit FilledBook(int nodes) : book_({absl::Hours(24), absl::ZeroDuration()}) {
    Network network;
    network.ranges[Family::kV4] = MillionSubnets();
    network.backend = CompleteBackend({"vxlan", {}}).value();
    Run(book_.DecideSetNetwork(network, "", absl::UnixEpoch()).value());
    for (int i = 0; i < nodes; ++i) Join(i);
  }
  void Join(int i) {
    Advertisement advertisement;
    advertisement.public_address[Family::kV4] = Ip(Family::kV4, 0x0B000001 + i);
    advertisement.backend_type = "vxlan";
    advertisement.vtep_mac.bytes = {2, 0, 0, 0, 0, 1};
    Run(book_.DecideAcquire(absl::StrCat("node-", i), advertisement, {}, now_).value());
  }
  void Leave(int i) { Run(book_.DecideRelease(absl::StrCat("node-", i), now_).value()); }

 private:
  void Run(const Decision& decision) {
    book_.Claim(decision);
    const auto changes = store_.Commit(decision.transaction);
    benchmark::DoNotOptimize(book_.Apply(store_.revision(), changes.value()));
    book_.Unclaim(decision);
  }

  absl::Time now_ = absl::FromUnixSeconds(1700000000);
  TestStore store_;
  LeaseBook book_;
};

// Decide, commit to a map, apply: one leave and one join of a random node. The map's time counts.
void BookReleaseAcquire(benchmark::State& state) {
  const int nodes = static_cast<int>(state.range(0));
  FilledBook filled(nodes);
  std::mt19937 random(3);
  for (auto _ : state) {
    const int node = static_cast<int>(random() % nodes);
    filled.Leave(node);
    filled.Join(node);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BookReleaseAcquire)->Arg(1000)->Arg(100000)->Arg(kHeld);

}  // namespace
}  // namespace heddle::controller

BENCHMARK_MAIN();
