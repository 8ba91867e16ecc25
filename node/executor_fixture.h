// What the executor's tests stand on: a fake kernel, and a controller's and an agent's part.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "gtest/gtest.h"
#include "node/dataplane/fake.h"
#include "node/executor.h"

namespace heddle::node {

inline Network TestNetwork(const std::string& backend = "vxlan") {
  Network network;
  network.ranges[Family::kV4] =
      Range{*Prefix::Parse("10.0.0.0/8"), 24, *Ip::Parse("10.0.1.0"), *Ip::Parse("10.255.255.0")};
  network.backend = *CompleteBackend({backend, {}});
  return network;
}

inline HostFacts TestHost() {
  HostFacts host;
  host.underlay_link = "eth0";
  host.underlay_mtu_bytes = 1500;
  host.source_address[Family::kV4] = host.public_address[Family::kV4] = *Ip::Parse("192.0.2.1");
  host.onlink_prefixes = {*Prefix::Parse("192.0.0.0/16")};
  return host;
}

inline Peer MakePeer(int n, const std::string& backend = "vxlan") {
  Peer peer;
  peer.node_id = absl::StrCat("node-", n);
  peer.subnets[Family::kV4] = *Prefix::Parse(absl::StrCat("10.", n / 256, ".", n % 256, ".0/24"));
  peer.advertisement.public_address[Family::kV4] =
      *Ip::Parse(absl::StrCat("192.0.", 2 + n / 250, ".", n % 250));
  peer.advertisement.backend_type = backend;
  if (backend == "vxlan") {
    peer.advertisement.vtep_mac =
        Mac{{2, 0, 0, 0, static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)}};
  }
  return peer;
}

inline PeerTable::Peers MakePeers(int count, const std::string& backend = "vxlan") {
  PeerTable::Peers peers;
  for (int n = 1; n <= count; ++n) peers[MakePeer(n).node_id] = MakePeer(n, backend);
  return peers;
}

inline std::uint64_t HashOf(const PeerTable::Peers& peers) {
  std::uint64_t hash = 0;
  for (const auto& [id, peer] : peers) hash += PeerDigest(peer);
  return hash;
}

// This node is node-1. Drives an executor as a controller and an agent would.
class ExecutorTest : public testing::Test {
 protected:
  ExecutorTest() { Restart(); }

  // A new process: the kernel stays.
  void Restart() {
    ExecutorOptions options;
    options.identity.node_id = "node-1";
    executor_ = std::make_unique<Executor>(options, &kernel_);
  }

  void Say(Update update) {
    const absl::Status status = executor_->Handle(std::move(update), now_);
    EXPECT_TRUE(status.ok()) << status;
  }
  void Attach(const std::string& backend = "vxlan") {
    Say(Welcome{"h", TestNetwork(backend), absl::Seconds(10), "test"});
    executor_->SetHost(TestHost(), now_);
    Say(OwnLease{MakePeer(1, backend), absl::InfiniteFuture()});
  }
  void Snapshot(const PeerTable::Peers& peers) {
    Say(SnapshotBegin{++revision_});
    Chunk chunk;
    for (const auto& [id, peer] : peers) chunk.changes.push_back({id, peer});
    Say(chunk);
    Say(Synced{revision_, HashOf(peers)});
    told_ = peers;
  }
  void Delta(const std::vector<PeerUpdate>& changes) {
    for (const PeerUpdate& change : changes) {
      if (change.peer) {
        told_[change.node_id] = *change.peer;
      } else {
        told_.erase(change.node_id);
      }
    }
    Say(Chunk{changes});
    Say(Synced{++revision_, HashOf(told_)});
  }
  // Attached, with these peers, all applied, counts at zero.
  void Settle(int peers) {
    Attach();
    Snapshot(MakePeers(peers));
    executor_->Step(now_);
    ASSERT_EQ(executor_->applied().revision, revision_) << Problems();
    CountFromHere();
  }
  void CountFromHere() {
    operations_before_ = kernel_.operation_count();
    reads_before_ = kernel_.read_count();
  }
  std::uint64_t writes() const { return kernel_.operation_count() - operations_before_; }
  std::uint64_t reads() const { return kernel_.read_count() - reads_before_; }
  bool HasRouteTo(const std::string& subnet) const {
    return kernel_.state().routes.contains({*Prefix::Parse(subnet), 0});
  }
  // Makes every operation fail whose text has `words`.
  void Refuse(const std::string& words) {
    kernel_.faults.refuse = [words](const Operation& operation) {
      const std::string text = operation.ToString();
      return text.find(words) == std::string::npos ? absl::OkStatus()
                                                   : absl::InternalError("refused " + text);
    };
  }

  void Pass(absl::Duration time) { now_ += time; }
  // Steps whatever is due within `time`.
  void Run(absl::Duration time) {
    const absl::Time end = now_ + time;
    while (executor_->next_due() <= end) {
      now_ = std::max(now_, executor_->next_due());
      executor_->Step(now_);
    }
    now_ = end;
  }
  std::string Problems() const {
    std::string all;
    for (const std::string& problem : executor_->problems()) absl::StrAppend(&all, problem, "\n");
    return all;
  }

  FakeDataplane kernel_{1};
  std::unique_ptr<Executor> executor_;
  absl::Time now_ = absl::UnixEpoch();
  std::uint64_t revision_ = 10;
  PeerTable::Peers told_;
  std::uint64_t operations_before_ = 0, reads_before_ = 0;
};

}  // namespace heddle::node
