// What it costs to program peers of a vxlan network (neighbour, FDB entry, nexthop, route each), an
// ipip one (nexthop, route) or a wireguard one (WireGuard peer, nexthop, route): through Diff and
// Apply, and by a bare loop over netlink that writes the same objects. What the kernel lacks is
// skipped.
//
// Run as root, alone: bazel run --config=release //node/dataplane:apply_benchmark
// Deleting a WireGuard device takes the kernel an RCU grace period for each peer, milliseconds, so
// a round with many peers is long; that is not counted.
// Makes namespaces of its own and leaves nothing. CPU is that of this process, kernel included.

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "node/dataplane/bare_loop.h"
#include "node/dataplane/kernel.h"
#include "node/dataplane/private_network.h"

namespace heddle::node {
namespace {

// A figure of something that went wrong is no figure.
[[noreturn]] void Fail(absl::string_view why) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(why.size()), why.data());
  std::exit(1);
}

Link DeviceLink(Tunnel tunnel) {
  if (tunnel == Tunnel::kIpip) {
    return Link{IpipLink{TestUnderlayAddress(Family::kV4)}, Mac{}, 1400, true};
  }
  if (tunnel == Tunnel::kWireguard) return Link{WireguardLink{}, Mac{}, 1400, true};
  VxlanLink vxlan;
  vxlan.vni = 1;
  vxlan.port = 8472;
  vxlan.lower = kTestUnderlay;
  vxlan.local = TestUnderlayAddress(Family::kV4);
  return Link{vxlan, MacOf(0), 1400, true};
}

// One for all rounds. To be called in a private network, which has a /run of its own.
const WireguardSecret& Secret() {
  static const auto* const secret =
      new absl::StatusOr<WireguardSecret>(LoadOrMakeWireguardSecret("/run/wireguard.key"));
  if (!secret->ok()) Fail(secret->status().ToString());
  return **secret;
}

NetworkState Self(Tunnel tunnel) {
  NetworkState state;
  state.links[DeviceOf(tunnel)] = DeviceLink(tunnel);
  if (tunnel == Tunnel::kWireguard) {
    state.wireguard_devices[DeviceOf(tunnel)] = {Secret().public_key, kListenPort};
  }
  state.addresses[{DeviceOf(tunnel), Base(0)}] = {32};
  return state;
}

void AddPeer(Tunnel tunnel, int peer, NetworkState* state) {
  const char* device = DeviceOf(tunnel);
  if (tunnel == Tunnel::kVxlan) {
    state->fdb[{device, MacOf(peer)}] = {Remote(peer)};
    state->neighbours[{device, Base(peer)}] = {MacOf(peer)};
  }
  if (tunnel == Tunnel::kWireguard) {
    WireguardPeer wireguard;
    wireguard.endpoint = Remote(peer);
    wireguard.endpoint_port = kListenPort;
    wireguard.allowed = {Prefix(Base(peer), 25)};
    state->wireguard_peers[{device, KeyOf(peer)}] = wireguard;
  }
  const Ip gateway = GatewayOf(tunnel, peer);
  state->nexthops[Id(peer)] = {device, gateway, !gateway.is_zero()};
  state->routes[{Prefix(Base(peer), 25), 0}] = {Id(peer)};
}

NetworkState WithPeers(Tunnel tunnel, int peers) {
  NetworkState state = Self(tunnel);
  for (int peer = 1; peer <= peers; ++peer) AddPeer(tunnel, peer, &state);
  return state;
}

// A fresh network with our device in it, and without it again.
class Host {
 public:
  explicit Host(Tunnel tunnel) {
    const absl::Status entered = EnterPrivateNetwork();
    if (!entered.ok()) Fail(entered.ToString());
    auto opened = OpenKernelDataplane({Secret(), ""});
    if (!opened.ok()) Fail(opened.status().ToString());
    kernel_ = *std::move(opened);
    Apply(Diff({}, Self(tunnel)));
  }
  // Routes, then nexthops, then the device; the other way round the kernel is slow.
  ~Host() { Apply(Diff(Read(), {})); }

  void Apply(const std::vector<Operation>& operations) {
    const std::vector<Failure> failures = kernel_->Apply(operations);
    if (!failures.empty()) Fail(failures.front().status.message());
  }
  NetworkState Read() {
    auto state = kernel_->Read();
    if (!state.ok()) Fail(state.status().ToString());
    return *std::move(state);
  }
  void Expect(const NetworkState& expected) {
    const std::vector<Operation> missing = Diff(Read(), expected);
    if (!missing.empty()) Fail("the kernel differs: to do is " + missing.front().ToString());
  }

 private:
  std::unique_ptr<KernelDataplane> kernel_;
};

void Report(benchmark::State& state, int peers) {
  state.counters["cpu_per_peer"] = benchmark::Counter(
      peers, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

// Whether the kernel lacks the tunnel; then the benchmark is skipped, and says so.
bool Skips(benchmark::State& state, Tunnel tunnel) {
  if (tunnel == Tunnel::kVxlan) return false;
  const std::string type =
      tunnel == Tunnel::kIpip ? "ipip local 192.0.2.77" : std::string("wireguard");
  const bool has =
      EnterPrivateNetwork().ok() && RunShell(absl::StrCat("ip link add probe type ", type)).ok();
  if (!has) state.SkipWithError(absl::StrCat("this kernel has no ", type).c_str());
  return !has;
}

void ApplyFromEmpty(benchmark::State& state, Tunnel tunnel) {
  if (Skips(state, tunnel)) return;
  const int peers = static_cast<int>(state.range(0));
  const NetworkState desired = WithPeers(tunnel, peers);
  for (auto _ : state) {
    state.PauseTiming();
    {
      Host host(tunnel);
      const NetworkState actual = host.Read();
      state.ResumeTiming();
      host.Apply(Diff(actual, desired));
      state.PauseTiming();
      host.Expect(desired);
    }
    state.ResumeTiming();
  }
  Report(state, peers);
}

void BareNetlinkLoop(benchmark::State& state, Tunnel tunnel) {
  if (Skips(state, tunnel)) return;
  const int peers = static_cast<int>(state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    {
      Host host(tunnel);
      BareLoop loop(tunnel, peers);
      state.ResumeTiming();
      const bool ok = loop.Run();
      state.PauseTiming();
      if (!ok) Fail("the kernel refused an object");
      host.Expect(WithPeers(tunnel, peers));
    }
    state.ResumeTiming();
  }
  Report(state, peers);
}

// A restart that finds everything right.
void ReadAndDiffNothing(benchmark::State& state, Tunnel tunnel) {
  if (Skips(state, tunnel)) return;
  const int peers = static_cast<int>(state.range(0));
  const NetworkState desired = WithPeers(tunnel, peers);
  Host host(tunnel);
  host.Apply(Diff(Self(tunnel), desired));
  for (auto _ : state) {
    if (!Diff(host.Read(), desired).empty()) Fail("there should be nothing to do");
  }
  Report(state, peers);
}

// One peer comes, another time it goes, among many.
void OneDelta(benchmark::State& state, Tunnel tunnel) {
  if (Skips(state, tunnel)) return;
  const int peers = static_cast<int>(state.range(0));
  NetworkState peer;
  AddPeer(tunnel, peers + 1, &peer);
  Host host(tunnel);
  host.Apply(Diff(Self(tunnel), WithPeers(tunnel, peers)));
  bool present = false;
  for (auto _ : state) {
    host.Apply(present ? Diff(peer, {}) : Diff({}, peer));
    present = !present;
  }
}

void Whole(benchmark::internal::Benchmark* b) {
  b->Arg(1000)->Arg(10000)->Arg(100000)->Iterations(2)->Unit(benchmark::kMillisecond);
}
void Again(benchmark::internal::Benchmark* b) {
  b->Arg(1000)->Arg(10000)->Arg(100000)->Unit(benchmark::kMillisecond);
}
void Small(benchmark::internal::Benchmark* b) {
  b->Arg(1000)->Arg(10000)->Arg(100000)->Iterations(500)->Unit(benchmark::kMicrosecond);
}

BENCHMARK_CAPTURE(BareNetlinkLoop, vxlan, Tunnel::kVxlan)->Apply(Whole);
BENCHMARK_CAPTURE(ApplyFromEmpty, vxlan, Tunnel::kVxlan)->Apply(Whole);
BENCHMARK_CAPTURE(ReadAndDiffNothing, vxlan, Tunnel::kVxlan)->Apply(Again);
BENCHMARK_CAPTURE(OneDelta, vxlan, Tunnel::kVxlan)->Apply(Small);
BENCHMARK_CAPTURE(BareNetlinkLoop, ipip, Tunnel::kIpip)->Apply(Whole);
BENCHMARK_CAPTURE(ApplyFromEmpty, ipip, Tunnel::kIpip)->Apply(Whole);
BENCHMARK_CAPTURE(ReadAndDiffNothing, ipip, Tunnel::kIpip)->Apply(Again);
BENCHMARK_CAPTURE(OneDelta, ipip, Tunnel::kIpip)->Apply(Small);
BENCHMARK_CAPTURE(BareNetlinkLoop, wireguard, Tunnel::kWireguard)->Apply(Whole);
BENCHMARK_CAPTURE(ApplyFromEmpty, wireguard, Tunnel::kWireguard)->Apply(Whole);
BENCHMARK_CAPTURE(ReadAndDiffNothing, wireguard, Tunnel::kWireguard)->Apply(Again);
BENCHMARK_CAPTURE(OneDelta, wireguard, Tunnel::kWireguard)->Apply(Small);

}  // namespace
}  // namespace heddle::node

BENCHMARK_MAIN();
