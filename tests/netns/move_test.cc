// A cluster moves from an embedded store to an etcd and back, by backup and restore: all that users
// see and all that is stored is the same at each place, and each begins a history of its own.
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "storage/backup/backup_file.h"
#include "tests/lab/cluster.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kSoon = absl::Seconds(20);
constexpr int kReplicas = 3;
constexpr char kNetConf[] = R"({"Network": "10.244.0.0/16", "SubnetMax": "10.244.99.0",
                                "EnableIPv6": true, "IPv6Network": "fd00:244::/48",
                                "Backend": {"Type": "vxlan"}})";
// What it is changed to, while every controller is started with the one above.
constexpr char kGrownNetConf[] = R"({"Network": "10.244.0.0/16", "SubnetMax": "10.244.200.0",
                                     "EnableIPv6": true, "IPv6Network": "fd00:244::/48",
                                     "Backend": {"Type": "vxlan"}})";

struct Saved {
  storage::BackupHeader header;
  std::map<std::string, std::string> records;
};

Saved Parsed(const std::string& bytes) {
  Saved saved;
  storage::BackupReader reader([&saved](std::string key, std::string value) {
    saved.records[std::move(key)] = std::move(value);
    return absl::OkStatus();
  });
  EXPECT_TRUE(reader.Feed(bytes).ok());
  EXPECT_TRUE(reader.Finish().ok()) << reader.Finish();
  if (reader.header()) saved.header = *reader.header();
  return saved;
}

// Revisions are each store's own.
void RemoveRevisions(nlohmann::json* document) {
  if (document->is_object()) {
    document->erase("revision");
    document->erase("modifiedRevision");
  }
  for (nlohmann::json& part : *document) {
    if (part.is_structured()) RemoveRevisions(&part);
  }
}

// What a controller tells of leases, resting subnets and the network.
nlohmann::json Told(const Heddlectl& ctl) {
  nlohmann::json told;
  told["leases"] = ctl.Json("lease list --resting");
  told["network"] = ctl.Json("network show");
  RemoveRevisions(&told);
  return told;
}

nlohmann::json LeaseOf(const nlohmann::json& told, const std::string& node_id) {
  for (const auto& lease : told["leases"]["leases"]) {
    if (lease["nodeId"] == node_id) return lease;
  }
  return {};
}

class MoveTest : public testing::Test {
 protected:
  MoveTest() : control_(lab_.control()), pki_(control_.folder()), etcd_(control_) {}

  // Of controllers on the control host; each is started with the same net-conf.json.
  Heddlectl Start(int number, Flags flags) {
    flags.insert(flags.end(), {"--restore-settle", "3s"});
    controllers_[number] =
        std::make_unique<Controller>(control_, &pki_, kNetConf, std::move(flags), number);
    controllers_[number]->Start();
    return Heddlectl(control_.netns(), controllers_[number]->endpoint(), pki_.admin_identity());
  }
  std::vector<Heddlectl> StartReplicas() {
    etcd_.Start();
    std::vector<Heddlectl> ctls;
    for (int number = 1; number <= kReplicas; ++number) {
      ctls.push_back(Start(number, {"--etcd-endpoints", etcd_.endpoint(), "--id",
                                    absl::StrCat("c", number), "--leader-ttl", "2s"}));
    }
    return ctls;
  }
  void StopControllers() {
    for (auto& [number, controller] : controllers_) controller->process().Stop();
    controllers_.clear();
  }

  Node& StartNode(int number, const std::string& controllers) {
    auto& node = nodes_[number];
    if (node == nullptr) node = std::make_unique<Node>(lab_.host(number), NodeOptions{});
    node->options().controllers = controllers;
    node->options().pki = &pki_;
    node->Start();
    return *node;
  }

  // Leases of three nodes, one of them reserved, one released; a reservation for a node that has
  // never come; a network that was changed.
  void Fill(const Heddlectl& ctl) {
    for (int number = 1; number <= 3; ++number) StartNode(number, controllers_[0]->endpoint());
    for (int number = 1; number <= 3; ++number) {
      ASSERT_TRUE(Within(kSoon, "READY", [&] { return nodes_[number]->ready(); }));
    }
    for (int number = 1; number <= 3; ++number) nodes_[number]->process().Stop();
    const std::string grown = control_.folder() + "/grown.json";
    std::ofstream(grown) << kGrownNetConf;
    ctl.Json("network set " + grown);
    ctl.Json("lease reserve h2");
    ctl.Json("lease reserve h9 10.244.142.0/24");
    ASSERT_TRUE(Within(kSoon, "h3 is released",
                       [&] { return ctl.Try("lease release --yes h3").exit_code == 0; }));
    ASSERT_TRUE(Within(kSoon, "h1 is detached",
                       [&] { return LeaseOf(Told(ctl), "h1")["state"] == "detached"; }));
  }

  std::string Backup(const Heddlectl& ctl, const std::string& name) {
    const std::string file = absl::StrCat(std::getenv("TEST_TMPDIR"), "/", name);
    ctl.Json("backup " + file);
    return file;
  }
  // Restores into an empty store; the new history.
  std::string Restore(const Heddlectl& ctl, const std::string& file) {
    const std::string before = HistoryOf(ctl);
    const nlohmann::json answer = ctl.Json("restore " + file);
    EXPECT_EQ(answer["restored"], true);
    EXPECT_EQ(answer["leases"], 3) << "h1, h2 and h9";
    EXPECT_NE(answer["history"], before);
    return answer["history"];
  }
  testing::AssertionResult Has(const Heddlectl& ctl, const std::string& history) {
    return Within(kSoon, "history " + history, [&] { return HistoryOf(ctl) == history; });
  }

  Lab lab_{LabOptions{}};
  Host& control_;
  Pki pki_;
  Etcd etcd_;
  std::map<int, std::unique_ptr<Controller>> controllers_;
  std::map<int, std::unique_ptr<Node>> nodes_;
};

std::string SomeFollower(const Heddlectl& ctl) {
  const auto answer = ctl.Json("controller list");
  for (const auto& controller : answer["controllers"]) {
    if (controller["state"] == "follower") return controller["id"];
  }
  return "";
}

TEST_F(MoveTest, FromRocksdbToEtcdAndBack) {
  if (!Etcd::installed()) GTEST_SKIP() << "SKIPPED: /usr/bin/etcd is missing (tools/setup.sh)";
  const Heddlectl first = Start(0, {});
  ASSERT_TRUE(Answers(first));
  ASSERT_NO_FATAL_FAILURE(Fill(first));
  const nlohmann::json told = Told(first);
  EXPECT_EQ(told["leases"]["leases"].size(), 5u) << "two of them rest, one of each family";
  EXPECT_EQ(told["network"]["ipv4"]["subnetMax"], "10.244.200.0");
  EXPECT_EQ(LeaseOf(told, "h2")["state"], "reserved");
  EXPECT_EQ(LeaseOf(told, "h9")["ipv4Subnet"], "10.244.142.0/24");
  std::set<std::string> histories = {HistoryOf(first)};
  const std::string file = Backup(first, "first");
  const Saved saved = Parsed(ReadFile(file).value());
  EXPECT_EQ(saved.header.engine, "rocksdb");
  EXPECT_EQ(saved.records.size(), 12u) << "the network, 3 leases, and 8 subnets";
  EXPECT_EQ(histories.count(saved.header.position.history), 1u);
  EXPECT_EQ(Parsed(first.Try("backup -").out).records, saved.records);
  StopControllers();

  const std::vector<Heddlectl> replicas = StartReplicas();
  std::string follower;
  for (const Heddlectl& ctl : replicas) ASSERT_TRUE(Answers(ctl));
  ASSERT_TRUE(
      Within(kSoon, "two follow", [&] { return !(follower = SomeFollower(replicas[0])).empty(); }));
  const Heddlectl& asked = replicas[static_cast<std::size_t>(follower[1] - '1')];
  const std::string on_etcd = Restore(asked, file);
  EXPECT_TRUE(histories.insert(on_etcd).second);
  std::string second;
  for (const Heddlectl& ctl : replicas) {
    ASSERT_TRUE(Has(ctl, on_etcd));
    EXPECT_EQ(Told(ctl), told);
    second = Backup(ctl, "second");
    const Saved again = Parsed(ReadFile(second).value());
    EXPECT_EQ(again.records, saved.records);
    EXPECT_EQ(again.header.engine, "etcd");
    EXPECT_EQ(again.header.position.history, on_etcd);
  }
  StopControllers();

  const Heddlectl last = Start(kReplicas + 1, {});
  ASSERT_TRUE(Answers(last));
  const std::string back = Restore(last, second);
  EXPECT_TRUE(histories.insert(back).second);
  ASSERT_TRUE(Has(last, back));
  EXPECT_EQ(Told(last), told);
  EXPECT_EQ(Parsed(ReadFile(Backup(last, "last")).value()).records, saved.records);
  EXPECT_EQ(last.Try("restore " + second).exit_code, 4) << "it has leases now";

  // The nodes come back to what they had.
  for (const int number : {1, 2}) {
    const Node& node = StartNode(number, controllers_[kReplicas + 1]->endpoint());
    nlohmann::json lease;
    ASSERT_TRUE(Within(kSoon, node.id() + " is attached", [&] {
      lease = LeaseOf(Told(last), node.id());
      return lease["state"] == "active";
    }));
    const nlohmann::json former = LeaseOf(told, node.id());
    for (const char* field : {"ipv4Subnet", "ipv6Subnet", "vtepMac", "publicIpv4"}) {
      EXPECT_EQ(lease[field], former[field]) << node.id() << " " << field;
    }
  }
}

}  // namespace
}  // namespace heddle::lab
