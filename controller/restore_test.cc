// Backups of whole controllers, restored: on another engine, with nodes attached, and cut off at
// every commit.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "api/heddle/v1/admin.grpc.pb.h"
#include "controller/controller.h"
#include "controller/keys.h"
#include "controller/test_controller.h"
#include "controller/test_dying_store.h"
#include "controller/test_stream_node.h"
#include "gtest/gtest.h"
#include "storage/backup/backup_file.h"
#include "storage/memory/memory_store.h"

namespace heddle::controller {
namespace {

constexpr std::chrono::seconds kPatience(30);

// A controller that starts anew on its port when the store has begun another history, as the
// process does.
class Process {
 public:
  explicit Process(storage::Store* store, absl::Duration settle = absl::Seconds(4))
      : store_(store) {
    options_.listen = {"127.0.0.1:0"};
    options_.net_conf_json = kVxlan;
    options_.net_conf_name = "net-conf.json";
    options_.heartbeat_seconds = 1;
    options_.restore_settle = settle;
    options_.policy.rest = absl::ZeroDuration();
    Start();
  }

  void Start() {
    failed_ = false;
    auto controller = Controller::Start(options_, store_, [this](const absl::Status& why) {
      EXPECT_TRUE(absl::IsDataLoss(why)) << why;
      failed_ = true;
    });
    ASSERT_TRUE(controller.ok()) << controller.status();
    controller_ = *std::move(controller);
    options_.listen = {absl::StrCat("127.0.0.1:", controller_->ports()[0])};
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel = grpc::CreateCustomChannel(options_.listen[0], grpc::InsecureChannelCredentials(),
                                        arguments);
    admin = v1::AdminService::NewStub(channel);
  }
  void Stop() { controller_.reset(); }
  void AwaitNewLife() {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!failed_ && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ASSERT_TRUE(failed_);
    Stop();
    Start();
  }

  std::string Backup() {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    const auto reader = admin->Backup(&context, {});
    std::string file;
    v1::FileChunk chunk;
    while (reader->Read(&chunk)) file += chunk.bytes();
    const grpc::Status status = reader->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    return file;
  }

  struct Restored {
    grpc::Status status;
    v1::RestoreResponse response;
  };
  Restored Restore(const std::string& file, bool replace = false, bool dry_run = false) {
    Restored restored;
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    const auto writer = admin->Restore(&context, &restored.response);
    for (std::size_t at = 0; at < std::max<std::size_t>(file.size(), 1); at += 1000) {
      v1::RestoreRequest request;
      request.set_bytes(file.substr(at, 1000));
      request.set_replace(replace);
      request.set_dry_run(dry_run);
      if (!writer->Write(request)) break;
    }
    writer->WritesDone();
    restored.status = writer->Finish();
    return restored;
  }

  void Reserve(int number) {
    grpc::ClientContext context;
    v1::ReserveLeaseRequest request;
    request.set_node_id(absl::StrCat("node-", number));
    v1::LeaseResponse response;
    const grpc::Status status = admin->ReserveLease(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  v1::GetStatusResponse Status() {
    grpc::ClientContext context;
    v1::GetStatusResponse response;
    const grpc::Status status = admin->GetStatus(&context, {}, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::AdminService::Stub> admin;

 private:
  storage::Store* const store_;
  ControllerOptions options_;
  std::atomic<bool> failed_{false};
  std::unique_ptr<Controller> controller_;
};

std::map<std::string, std::string> RecordsOf(storage::Store& store) {
  std::map<std::string, std::string> records;
  std::string cursor;
  do {
    const auto page =
        store.List(kNetworkPrefix, cursor, 100, storage::Store::Consistency::kLinearizable);
    EXPECT_TRUE(page.ok()) << page.status();
    if (!page.ok()) break;
    for (const storage::Record& record : page->records) records[record.key] = record.value;
    cursor = page->next_cursor;
  } while (!cursor.empty());
  return records;
}

std::vector<Prefix> SubnetsOf(const v1::Peer& self) { return FromProto(self)->AllSubnets(); }

class RestoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<storage::Store> OpenRocksdb(const std::string& name) {
    storage::RocksdbOptions options;
    options.path = testing::TempDir() + "/" +
                   testing::UnitTest::GetInstance()->current_test_info()->name() + "-" + name;
    return *storage::OpenRocksdbStore(options);
  }
};

TEST_F(RestoreTest, ABackupMovesBetweenEnginesAndBack) {
  const auto first = OpenRocksdb("first"), last = OpenRocksdb("last");
  storage::MemoryStore memory;
  std::string file;
  {
    Process process(first.get());
    for (int i = 1; i <= 150; ++i) process.Reserve(i);
    file = process.Backup();
  }
  const auto records = RecordsOf(*first);
  ASSERT_EQ(records.size(), 301u);
  for (storage::Store* store : std::initializer_list<storage::Store*>{&memory, last.get()}) {
    Process process(store);
    const std::string before = process.Status().position().history();
    const auto restored = process.Restore(file);
    ASSERT_TRUE(restored.status.ok()) << restored.status.error_message();
    EXPECT_EQ(restored.response.records(), 301u);
    EXPECT_EQ(restored.response.leases(), 150u);
    process.AwaitNewLife();
    EXPECT_EQ(process.Status().position().history(), restored.response.history());
    EXPECT_NE(restored.response.history(), before);
    EXPECT_EQ(RecordsOf(*store), records);
    file = process.Backup();
  }
}

TEST_F(RestoreTest, NodesKeepTheirSubnetsThroughTheRestoreOfAnOlderBackup) {
  const auto store = OpenRocksdb("store");
  Process process(store.get());
  std::vector<std::unique_ptr<TestNode>> nodes;
  std::map<int, std::vector<Prefix>> subnets;
  std::string file;
  for (int i = 1; i <= 3; ++i) {
    if (i == 3) file = process.Backup();  // it does not know the third
    nodes.push_back(std::make_unique<TestNode>(process.channel, i));
    ASSERT_TRUE(nodes.back()->UntilPeers(i));
    subnets[i] = SubnetsOf(nodes.back()->self);
  }
  const auto refused = process.Restore(file);
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_TRUE(absl::StrContains(refused.status.error_message(), "--replace"));

  const auto restored = process.Restore(file, /*replace=*/true);
  ASSERT_TRUE(restored.status.ok()) << restored.status.error_message();
  EXPECT_GT(restored.response.settled_by_unix_ms(), absl::ToUnixMillis(absl::Now()));
  process.AwaitNewLife();
  for (auto& node : nodes) {
    EXPECT_FALSE(node->Until([](TestNode*) { return false; }));
    EXPECT_FALSE(node->End().ok());
  }
  nodes.clear();

  // The one that nobody knows of comes before the others, and a new one before it.
  const auto try_new = [&] {
    TestNode fresh(process.channel, 4);
    EXPECT_FALSE(fresh.Until([](TestNode* node) { return node->self.has_ipv4_subnet(); }));
    return fresh.End();
  };
  const grpc::Status waits = try_new();
  EXPECT_TRUE(absl::StrContains(waits.error_message(), "or until 3 nodes are back"))
      << waits.error_message();
  std::set<std::string> given;
  for (const int i : {3, 1, 2}) {
    nodes.push_back(std::make_unique<TestNode>(process.channel, i, "i", subnets[i]));
    ASSERT_TRUE(nodes.back()->Until([](TestNode* node) { return node->synced_peers > 0; }));
    EXPECT_TRUE(nodes.back()->settling);
    EXPECT_EQ(SubnetsOf(nodes.back()->self), subnets[i]) << i;
    given.insert(nodes.back()->self.ipv4_subnet().ShortDebugString());
  }
  for (auto& node : nodes) {
    EXPECT_TRUE(node->Until([](TestNode* n) { return !n->settling; })) << "heartbeats say so";
  }
  EXPECT_EQ(process.Status().settling_until_unix_ms(), 0);
  TestNode fresh(process.channel, 4);
  ASSERT_TRUE(fresh.UntilPeers(4));
  EXPECT_TRUE(given.insert(fresh.self.ipv4_subnet().ShortDebugString()).second)
      << "a second one got " << fresh.self.ipv4_subnet().ShortDebugString();
}

TEST_F(RestoreTest, CutOffAtEveryCommitItIsCompletedByRunningItAgain) {
  std::string file;
  std::map<std::string, std::string> records;
  {
    storage::MemoryStore source;
    Process process(&source);
    for (int i = 1; i <= 100; ++i) process.Reserve(i);
    file = process.Backup();
    records = RecordsOf(source);
  }
  int cuts = 0;
  for (bool whole = false; !whole; ++cuts) {
    SCOPED_TRACE(cuts);
    storage::MemoryStore inner;
    DyingStore store(&inner);
    Process process(&store);
    for (int i = 200; i < 300; ++i) process.Reserve(i);
    const auto former = RecordsOf(inner);
    store.DieAfter(cuts);
    const auto restored = process.Restore(file, /*replace=*/true);
    whole = restored.status.ok();
    if (whole) {
      process.AwaitNewLife();
    } else {
      // The process is killed, and started again.
      process.Stop();
      store.Revive();
      inner.Crash();
      process.Start();
      if (cuts == 0) {
        EXPECT_EQ(RecordsOf(inner), former) << "nothing was begun";
      } else {
        TestNode node(process.channel, 1);
        EXPECT_FALSE(node.Until([](TestNode*) { return false; }));
        EXPECT_TRUE(absl::StrContains(node.End().error_message(), "heddlectl restore"));
        EXPECT_FALSE(process.Status().position().history().empty());
      }
      const auto again = process.Restore(file, /*replace=*/cuts == 0);
      ASSERT_TRUE(again.status.ok()) << again.status.error_message();
      process.AwaitNewLife();
    }
    EXPECT_EQ(RecordsOf(inner), records);
  }
  // Before each of: the mark, five transactions for 301 records, the new history. And not at all.
  EXPECT_EQ(cuts, 1 + 5 + 1 + 1);
}

TEST_F(RestoreTest, WhatCannotBeRestoredIsRefusedAndNothingChanged) {
  storage::MemoryStore store;
  Process process(&store);
  process.Reserve(1);
  const auto before = RecordsOf(store);
  const storage::Position position = store.Describe().position;
  const auto file_of = [](const std::map<std::string, std::string>& records) {
    std::string file;
    storage::BackupWriter writer([&](absl::string_view bytes) {
      absl::StrAppend(&file, bytes);
      return absl::OkStatus();
    });
    EXPECT_TRUE(writer.Begin({}).ok());
    for (const auto& [key, value] : records) EXPECT_TRUE(writer.Add(key, value).ok());
    EXPECT_TRUE(writer.Finish().ok());
    return file;
  };
  auto torn = before;
  torn.erase(torn.begin()->first == kConfigKey ? std::next(torn.begin()) : torn.begin());
  auto unknown = before;
  unknown["net/_/secret"] = "x";
  auto foreign = before;
  foreign[kRestoreKey] = "x";
  auto unreadable = before;
  unreadable[NodeKey("node-1")] = "\xff";
  auto no_certificate = before;
  no_certificate[CertificateKey("a1")] = "\xff";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "the end is missing"},
      {"something else", "not a backup"},
      {process.Backup().substr(0, 200), "the end is missing"},
      {file_of(unknown), "net/_/secret"},
      {file_of(foreign), kRestoreKey},
      {file_of(unreadable), "net/_/node/node-1"},
      {file_of(no_certificate), "net/_/cert/a1"},
      {file_of(torn), "contradict"}};
  for (const auto& [file, why] : cases) {
    const auto refused = process.Restore(file, /*replace=*/true);
    EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_TRUE(absl::StrContains(refused.status.error_message(), why))
        << refused.status.error_message();
  }
  const auto tried = process.Restore(process.Backup(), /*replace=*/true, /*dry_run=*/true);
  EXPECT_TRUE(tried.status.ok()) << tried.status.error_message();
  EXPECT_EQ(tried.response.history(), position.history);
  EXPECT_EQ(tried.response.leases(), 1u);
  EXPECT_EQ(RecordsOf(store), before);
  EXPECT_EQ(store.Describe().position.history, position.history);
  EXPECT_EQ(store.Describe().position.revision, position.revision);
}

}  // namespace
}  // namespace heddle::controller
