// What it costs to program peers of a vxlan network (neighbour, FDB entry, nexthop, route each) or
// an ipip one (nexthop, route): through Diff and Apply, and by a bare loop over netlink that writes
// the same objects. A kernel without ipip skips it.
//
// Run as root, alone: bazel run --config=release //node/dataplane:apply_benchmark
// Makes namespaces of its own and leaves nothing. CPU is that of this process, kernel included.

#include <arpa/inet.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "benchmark/benchmark.h"
#include "node/dataplane/kernel.h"
#include "node/dataplane/netlink_message.h"
#include "node/dataplane/private_network.h"
#include "node/state/link_names.h"

namespace heddle::node {
namespace {

enum class Tunnel { kVxlan, kIpip };

const char* DeviceOf(Tunnel tunnel) {
  return tunnel == Tunnel::kVxlan ? "heddle.1" : kIpipLinkName;
}

Ip Base(int peer) { return Ip(Family::kV4, 0x0a000000u + (static_cast<unsigned>(peer) << 7)); }
Mac MacOf(int peer) {
  return Mac{{2, 0, 0, static_cast<std::uint8_t>(peer >> 16), static_cast<std::uint8_t>(peer >> 8),
              static_cast<std::uint8_t>(peer)}};
}
Ip Remote(int peer) { return Ip(Family::kV4, 0xc6120000u + static_cast<unsigned>(peer)); }
std::uint32_t Id(int peer) { return 0x40000000u + static_cast<unsigned>(peer); }

// A figure of something that went wrong is no figure.
[[noreturn]] void Fail(absl::string_view why) {
  std::fprintf(stderr, "%.*s\n", static_cast<int>(why.size()), why.data());
  std::exit(1);
}

Link DeviceLink(Tunnel tunnel) {
  if (tunnel == Tunnel::kIpip) {
    return Link{IpipLink{TestUnderlayAddress(Family::kV4)}, Mac{}, 1400, true};
  }
  VxlanLink vxlan;
  vxlan.vni = 1;
  vxlan.port = 8472;
  vxlan.lower = kTestUnderlay;
  vxlan.local = TestUnderlayAddress(Family::kV4);
  return Link{vxlan, MacOf(0), 1400, true};
}

NetworkState Self(Tunnel tunnel) {
  NetworkState state;
  state.links[DeviceOf(tunnel)] = DeviceLink(tunnel);
  state.addresses[{DeviceOf(tunnel), Base(0)}] = {32};
  return state;
}

// A vxlan's gateway is the peer's own subnet, an ipip's the outer destination.
Ip GatewayOf(Tunnel tunnel, int peer) {
  return tunnel == Tunnel::kVxlan ? Base(peer) : Remote(peer);
}

void AddPeer(Tunnel tunnel, int peer, NetworkState* state) {
  const char* device = DeviceOf(tunnel);
  if (tunnel == Tunnel::kVxlan) {
    state->fdb[{device, MacOf(peer)}] = {Remote(peer)};
    state->neighbours[{device, Base(peer)}] = {MacOf(peer)};
  }
  state->nexthops[Id(peer)] = {device, GatewayOf(tunnel, peer), true};
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
    auto opened = OpenKernelDataplane();
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

bool HasIpip() {
  if (!EnterPrivateNetwork().ok()) return false;
  return RunShell("ip link add probe type ipip local 192.0.2.77").ok();
}

// Whether the kernel lacks the tunnel; then the benchmark is skipped, and says so.
bool Skips(benchmark::State& state, Tunnel tunnel) {
  if (tunnel != Tunnel::kIpip || HasIpip()) return false;
  state.SkipWithError("this kernel has no ipip");
  return true;
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

// The least that programs the kernel: fixed structures filled in and sent, 128 to a system call.
class BareLoop {
 public:
  BareLoop(Tunnel tunnel, int peers)
      : tunnel_(tunnel), peers_(peers), index_(if_nametoindex(DeviceOf(tunnel))) {
    fd_ = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    const int on = 1;
    setsockopt(fd_, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
  }
  ~BareLoop() { close(fd_); }

  bool Run() {
    if (tunnel_ == Tunnel::kVxlan) {
      for (int peer = 1; peer <= peers_; ++peer) Fdb(peer);
      for (int peer = 1; peer <= peers_; ++peer) NeighbourOf(peer);
    }
    for (int peer = 1; peer <= peers_; ++peer) NexthopOf(peer);
    for (int peer = 1; peer <= peers_; ++peer) RouteOf(peer);
    Flush();
    return ok_;
  }

 private:
  template <typename T>
  void Put(const T& value) {
    std::memcpy(buffer_ + size_, &value, sizeof(value));
    size_ += (sizeof(value) + 3) & ~std::size_t{3};
  }
  void Begin(int type, int flags) {
    if (messages_ == 128) Flush();
    start_ = size_;
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | flags;
    Put(header);
    ++messages_;
  }
  template <typename T>
  void Attribute(int type, const T& value) {
    Put(nlattr{static_cast<std::uint16_t>(NLA_HDRLEN + sizeof(value)),
               static_cast<std::uint16_t>(type)});
    Put(value);
  }
  void End() {
    const auto length = static_cast<std::uint32_t>(size_ - start_);
    std::memcpy(buffer_ + start_, &length, sizeof(length));
  }
  static std::uint32_t Net(const Ip& ip) {
    return htonl(static_cast<std::uint32_t>(absl::Uint128Low64(ip.number())));
  }

  ndmsg NeighbourHeader(int family, int flags) const {
    ndmsg header{};
    header.ndm_family = family;
    header.ndm_ifindex = index_;
    header.ndm_state = NUD_PERMANENT;
    header.ndm_flags = flags;
    return header;
  }
  void Fdb(int peer) {
    Begin(RTM_NEWNEIGH, NLM_F_REPLACE);
    Put(NeighbourHeader(AF_BRIDGE, NTF_SELF));
    Attribute(NDA_LLADDR, MacOf(peer).bytes);
    Attribute(NDA_DST, Net(Remote(peer)));
    End();
  }
  void NeighbourOf(int peer) {
    Begin(RTM_NEWNEIGH, NLM_F_REPLACE);
    Put(NeighbourHeader(AF_INET, 0));
    Attribute(NDA_DST, Net(Base(peer)));
    Attribute(NDA_LLADDR, MacOf(peer).bytes);
    End();
  }
  void NexthopOf(int peer) {
    Begin(RTM_NEWNEXTHOP, NLM_F_EXCL);
    Put(nhmsg{AF_INET, 0, kRouteProtocol, 0, RTNH_F_ONLINK});
    Attribute(NHA_ID, Id(peer));
    Attribute(NHA_OIF, index_);
    Attribute(NHA_GATEWAY, Net(GatewayOf(tunnel_, peer)));
    End();
  }
  void RouteOf(int peer) {
    Begin(RTM_NEWROUTE, NLM_F_EXCL);
    Put(rtmsg{AF_INET, 25, 0, 0, RT_TABLE_MAIN, kRouteProtocol, RT_SCOPE_UNIVERSE, RTN_UNICAST, 0});
    Attribute(RTA_DST, Net(Base(peer)));
    Attribute(RTA_NH_ID, Id(peer));
    End();
  }

  // Only the last is acknowledged; whatever is refused is reported before.
  void Flush() {
    if (size_ == 0) return;
    nlmsghdr last;
    std::memcpy(&last, buffer_ + start_, sizeof(last));
    last.nlmsg_flags |= NLM_F_ACK;
    last.nlmsg_seq = ++sequence_;
    std::memcpy(buffer_ + start_, &last, sizeof(last));
    char answer[4096];
    ok_ = ok_ && send(fd_, buffer_, size_, 0) == static_cast<ssize_t>(size_);
    ok_ = ok_ && recv(fd_, answer, sizeof(answer), 0) > 0;
    const auto* error = reinterpret_cast<const nlmsgerr*>(answer + NLMSG_HDRLEN);
    ok_ = ok_ && error->error == 0 && error->msg.nlmsg_seq == sequence_;
    size_ = messages_ = 0;
  }

  const Tunnel tunnel_;
  const int peers_;
  const int index_;
  int fd_ = -1;
  bool ok_ = true;
  std::size_t size_ = 0, start_ = 0;
  int messages_ = 0;
  std::uint32_t sequence_ = 0;
  alignas(8) char buffer_[32 << 10];
};

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

}  // namespace
}  // namespace heddle::node

BENCHMARK_MAIN();
