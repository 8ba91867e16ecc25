#include "controller/node_registry.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace heddle::controller {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FakeStream final : public LiveStream {
 public:
  void Close(absl::Status why) override { closed = std::move(why); }
  void SendAcceptRemovals() override {}
  void SendProbeRequest(const ProbeRequest&) override {}
  void OnOwnChange(const PeerChange&) override {}
  absl::Status closed;
};

class NodeRegistryTest : public ::testing::Test {
 protected:
  absl::StatusOr<NodeRegistry::Attached> Attach(const std::string& id,
                                                const std::string& instance = "i-1") {
    return registry_.Attach({id, instance, "192.0.2.1:1", "1", stream_}, now_);
  }
  // Attached to `controller_id` for `age` already.
  NodeRegistry::Remote Remote(const std::string& controller_id, const std::string& id,
                              absl::Duration age = absl::ZeroDuration(),
                              const std::string& instance = "i-1") {
    NodeRegistry::Remote remote;
    remote.info.controller_id = controller_id;
    remote.info.node_id = id;
    remote.info.instance_id = instance;
    remote.info.remote_address = "192.0.2.2:2";
    remote.info.attached_at = now_ - age;
    remote.info.last_heard = now_;
    remote.attachment = 7;
    remote.stream = remote_stream_;
    return remote;
  }
  static std::vector<std::string> Ids(const NodeRegistry::LocalChanges& changes) {
    std::vector<std::string> ids;
    for (const NodeRegistry::Local& local : changes.attached) ids.push_back(local.info.node_id);
    return ids;
  }

  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  NodeRegistry registry_{absl::Seconds(15)};
  std::shared_ptr<FakeStream> stream_ = std::make_shared<FakeStream>();
  std::shared_ptr<FakeStream> remote_stream_ = std::make_shared<FakeStream>();
};

TEST_F(NodeRegistryTest, NodesOfOtherControllersAreAlive) {
  ASSERT_TRUE(Attach("node-1").ok());
  auto remote = Remote("b", "node-2");
  remote.info.report.applied_revision = 5;
  ASSERT_TRUE(registry_.AttachRemote(remote, now_).ok());
  EXPECT_EQ(registry_.Alive().size(), 2u);
  EXPECT_EQ(registry_.attached_count(), 2u);
  EXPECT_EQ(registry_.FindStream("node-2"), remote_stream_);
  EXPECT_TRUE(registry_.Laggards({"node-2"}, 5).empty());
  remote.info.report.applied_revision = 6;
  ASSERT_TRUE(registry_.AttachRemote(remote, now_).ok());
  EXPECT_TRUE(registry_.Laggards({"node-2"}, 6).empty());
  EXPECT_EQ(registry_.attached_count(), 2u);
  EXPECT_FALSE(registry_.DetachRemote("c", "node-2")) << "it is not there";
  EXPECT_TRUE(registry_.DetachRemote("b", "node-2"));
  EXPECT_EQ(registry_.attached_count(), 1u);
  EXPECT_TRUE(registry_.Laggards({"node-2"}, 6).empty()) << "what it said is kept";
}

TEST_F(NodeRegistryTest, AControllerThatIsGoneTakesItsNodesAlong) {
  ASSERT_TRUE(Attach("node-1").ok());
  ASSERT_TRUE(registry_.AttachRemote(Remote("b", "node-2"), now_).ok());
  ASSERT_TRUE(registry_.AttachRemote(Remote("c", "node-3"), now_).ok());
  EXPECT_THAT(registry_.DetachAllOf("b"), ElementsAre("node-2"));
  EXPECT_EQ(registry_.attached_count(), 2u);
}

TEST_F(NodeRegistryTest, ASecondProcessIsRefusedAcrossControllers) {
  ASSERT_TRUE(Attach("node-1").ok());
  ASSERT_TRUE(registry_.AttachRemote(Remote("b", "node-2"), now_).ok());
  const auto remote = registry_.AttachRemote(Remote("b", "node-1", {}, "i-2"), now_);
  EXPECT_TRUE(absl::IsAlreadyExists(remote.status()));
  const auto local = Attach("node-2", "i-2");
  EXPECT_TRUE(absl::IsAlreadyExists(local.status()));
  EXPECT_THAT(std::string(local.status().message()),
              HasSubstr("attached from 192.0.2.2:2 to the controller 'b'"));
  now_ += absl::Seconds(15);
  EXPECT_TRUE(Attach("node-2", "i-2").ok()) << "silent for too long";
}

TEST_F(NodeRegistryTest, TheLaterStreamOfAProcessStays) {
  // It came here while 'b' has not noticed that it left.
  ASSERT_TRUE(registry_.AttachRemote(Remote("b", "node-1", absl::Minutes(1)), now_).ok());
  const auto moved = Attach("node-1");
  ASSERT_TRUE(moved.ok()) << moved.status();
  EXPECT_EQ(moved->displaced, remote_stream_);
  const auto late = registry_.AttachRemote(Remote("b", "node-1", absl::Minutes(1)), now_);
  EXPECT_TRUE(absl::IsAborted(late.status()));
  EXPECT_FALSE(registry_.DetachRemote("b", "node-1"));
  EXPECT_EQ(registry_.FindStream("node-1"), stream_);
  // And away again.
  now_ += absl::Seconds(1);
  const auto away = registry_.AttachRemote(Remote("c", "node-1"), now_);
  ASSERT_TRUE(away.ok()) << away.status();
  EXPECT_EQ(*away, stream_);
  registry_.Detach("node-1", moved->attachment);
  EXPECT_EQ(registry_.attached_count(), 1u) << "the end of the former says nothing of the present";
}

TEST_F(NodeRegistryTest, LocalChangesAreToldOnceAndRemoteOnesAreNot) {
  int told = 0;
  registry_.OnLocalChange([&told] { ++told; });
  const auto first = Attach("node-1");
  const auto second = Attach("node-2");
  ASSERT_TRUE(registry_.AttachRemote(Remote("b", "node-3"), now_).ok());
  EXPECT_EQ(told, 2);
  auto changes = *registry_.LocalChangesAfter(0);
  EXPECT_THAT(Ids(changes), ElementsAre("node-1", "node-2"));
  changes = *registry_.LocalChangesAfter(changes.cursor);
  EXPECT_THAT(Ids(changes), IsEmpty());
  registry_.Report("node-2", second->attachment, {9, 1, 0, {}, {}}, now_);
  registry_.Detach("node-1", first->attachment);
  changes = *registry_.LocalChangesAfter(changes.cursor);
  EXPECT_THAT(Ids(changes), ElementsAre("node-2"));
  EXPECT_EQ(changes.attached[0].info.report.applied_revision, 9u);
  EXPECT_THAT(changes.detached_node_ids, ElementsAre("node-1"));
  EXPECT_THAT(registry_.LocalChangesAfter(0)->detached_node_ids, IsEmpty());
  EXPECT_EQ(registry_.FindStream("node-2", second->attachment), stream_);
  EXPECT_EQ(registry_.FindStream("node-2", second->attachment + 1), nullptr);
  EXPECT_EQ(registry_.FindStream("node-3", 7), nullptr) << "not its own";
}

TEST_F(NodeRegistryTest, WhatWasForgottenIsStillToldAsDetached) {
  ASSERT_TRUE(Attach("node-0").ok());
  const std::uint64_t cursor = registry_.LocalChangesAfter(0)->cursor;
  const auto come_and_go = [this](int number) {
    const auto attached = Attach(absl::StrCat("passing-", number));
    registry_.Detach(absl::StrCat("passing-", number), attached->attachment);
    registry_.Forget(absl::StrCat("passing-", number));
  };
  come_and_go(1);
  EXPECT_THAT(registry_.LocalChangesAfter(cursor)->detached_node_ids, ElementsAre("passing-1"));
  for (int number = 0; number < 5000; ++number) come_and_go(number);
  EXPECT_FALSE(registry_.LocalChangesAfter(cursor)) << "too long ago";
  EXPECT_THAT(Ids(*registry_.LocalChangesAfter(0)), ElementsAre("node-0"));
}

}  // namespace
}  // namespace heddle::controller
