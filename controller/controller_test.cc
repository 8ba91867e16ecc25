// Both services over gRPC on loopback, with RocksDB underneath.
#include "controller/controller.h"

#include <grpcpp/grpcpp.h>

#include <future>
#include <set>
#include <thread>

#include "api/convert.h"
#include "api/heddle/v1/admin.grpc.pb.h"
#include "api/heddle/v1/node.grpc.pb.h"
#include "controller/test_controller.h"
#include "controller/test_peers.h"
#include "controller/test_stream_node.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/rocksdb/rocksdb_store.h"

namespace heddle::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// The network names a backend that is known from flannel and not built.
const std::string kUnbuilt = R"({"Network":"10.240.0.0/12","Backend":{"Type":"ipsec","PSK":")" +
                             std::string(96, 'k') + R"("}})";

TEST_F(ControllerTest, ManyNodesAtOnceSeeEachOther) {
  Start();
  constexpr int kNodes = 12;
  std::vector<std::unique_ptr<TestNode>> nodes(kNodes);
  std::vector<std::thread> threads;
  for (int i = 0; i < kNodes; ++i) {
    threads.emplace_back([&, i] {
      nodes[i] = std::make_unique<TestNode>(channel_, i + 1);
      EXPECT_TRUE(nodes[i]->UntilPeers(kNodes));
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::string> subnets;
  for (const auto& node : nodes) {
    subnets.insert(FromProto(node->self.ipv4_subnet())->ToString());
    EXPECT_EQ(node->replica.peers, nodes[0]->replica.peers);
  }
  EXPECT_EQ(subnets.size(), static_cast<std::size_t>(kNodes));
  v1::WaitAppliedRequest wait;
  wait.set_timeout_seconds(10);
  v1::WaitAppliedResponse waited;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::WaitApplied, wait, &waited).ok());
  EXPECT_EQ(waited.laggards_size(), 0);
  EXPECT_EQ(Nodes().nodes_size(), kNodes);
}

TEST_F(ControllerTest, RestartKeepsSubnetsAndNamesTheDetached) {
  Start();
  std::string subnet;
  {
    TestNode node(channel_, 1);
    ASSERT_TRUE(node.UntilPeers(1));
    subnet = node.self.ipv4_subnet().SerializeAsString();
  }
  Stop();
  Start();
  v1::WaitAppliedRequest wait;
  wait.set_timeout_seconds(1);
  v1::WaitAppliedResponse waited;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::WaitApplied, wait, &waited).ok());
  ASSERT_EQ(waited.laggards_size(), 1);
  EXPECT_EQ(waited.laggards(0).node_id(), "node-1");
  EXPECT_FALSE(waited.laggards(0).attached());
  TestNode node(channel_, 1, "restarted");
  ASSERT_TRUE(node.UntilPeers(1));
  EXPECT_EQ(node.self.ipv4_subnet().SerializeAsString(), subnet);
}

TEST_F(ControllerTest, SecondNodeOfOneIdIsRefusedWhileTheFirstLives) {
  Start();
  TestNode first(channel_, 1, "i-1");
  ASSERT_TRUE(first.UntilPeers(1));
  TestNode second(channel_, 1, "i-2");
  EXPECT_FALSE(second.UntilPeers(1));
  const grpc::Status status = second.End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_THAT(status.error_message(), HasSubstr("'node-1' is in use"));
  EXPECT_THAT(status.error_message(), HasSubstr("127.0.0.1"));
  TestNode again(channel_, 1, "i-1");
  ASSERT_TRUE(again.UntilPeers(1));
  EXPECT_FALSE(first.Until([](TestNode*) { return false; }));
  EXPECT_THAT(first.End().error_message(), HasSubstr("newer stream"));
}

TEST_F(ControllerTest, AnAddressIsOneNodesUntilAnAdministratorSaysOtherwise) {
  Start();
  TestNode first(channel_, 1);
  ASSERT_TRUE(first.UntilPeers(1));
  Advertisement claim = TestAdvertisement(2);
  claim.public_address = TestAdvertisement(1).public_address;
  const absl::Duration lasts = absl::Seconds(30);
  {
    TestNode second(channel_, 2, "i", {}, lasts, claim);
    EXPECT_FALSE(second.UntilPeers(1));
    const grpc::Status refused = second.End();
    EXPECT_EQ(refused.error_code(), grpc::StatusCode::ALREADY_EXISTS);
    EXPECT_THAT(refused.error_message(), HasSubstr("is in use by the node 'node-1'"));
  }
  v1::AllowAddressRequest allow;
  allow.set_node_id("node-2");
  allow.set_address(claim.public_address[Family::kV4]->ToBytes());
  v1::AllowAddressResponse allowed;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::AllowAddress, allow, &allowed).ok());
  EXPECT_GT(allowed.revision(), 0U);
  TestNode second(channel_, 2, "i", {}, lasts, claim);
  EXPECT_TRUE(second.UntilPeers(1));
  EXPECT_FALSE(first.Until([](TestNode*) { return false; }));
  EXPECT_THAT(first.End().error_message(), HasSubstr("another node's now"));
  TestNode again(channel_, 1);
  EXPECT_FALSE(again.UntilPeers(2));
  EXPECT_THAT(again.End().error_message(), HasSubstr("was given to the node 'node-2'"));
}

TEST_F(ControllerTest, APreSharedKeyIsHiddenAndWhatWasShownCanBeSet) {
  const std::string key = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U=";
  Start(R"({"Network":"10.244.0.0/16","Backend":{"Type":"wireguard","PSK":")" + key + R"("}})");
  v1::GetNetworkResponse shown;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::GetNetwork, {}, &shown).ok());
  EXPECT_THAT(shown.ShortDebugString(), ::testing::Not(HasSubstr(key)));
  EXPECT_THAT(shown.source_json(), HasSubstr("(hidden)"));
  v1::SetNetworkResponse set;
  ASSERT_TRUE(SetNetwork(shown.source_json(), false, &set).ok());
  EXPECT_FALSE(set.changed());
  const std::string other = "b3RoZXJvdGhlcm90aGVyb3RoZXJvdGhlcm90aGVybzE=";
  ASSERT_TRUE(SetNetwork(R"({"Network":"10.244.0.0/16","Backend":{"Type":"wireguard","PSK":")" +
                             other + R"("}})",
                         false, &set)
                  .ok());
  EXPECT_TRUE(set.changed());
  EXPECT_THAT(set.ShortDebugString(), HasSubstr("Backend option PSK changes, on every node"));
  EXPECT_THAT(set.ShortDebugString(), ::testing::Not(HasSubstr(other)));
  EXPECT_THAT(set.ShortDebugString(), ::testing::Not(HasSubstr(key)));
}

TEST_F(ControllerTest, NetworkIsShownCheckedAndSet) {
  Start("");
  v1::GetNetworkResponse shown;
  EXPECT_EQ(Call(&v1::AdminService::Stub::GetNetwork, {}, &shown).error_code(),
            grpc::StatusCode::NOT_FOUND);
  TestNode early(channel_, 1);
  EXPECT_FALSE(early.UntilPeers(1));
  EXPECT_THAT(early.End().error_message(), HasSubstr("no network is configured"));

  v1::SetNetworkResponse set;
  ASSERT_TRUE(SetNetwork(kVxlan, false, &set).ok());
  EXPECT_TRUE(set.changed());
  set.Clear();
  ASSERT_TRUE(SetNetwork(kVxlan, false, &set).ok());
  EXPECT_FALSE(set.changed());
  ASSERT_TRUE(Call(&v1::AdminService::Stub::GetNetwork, {}, &shown).ok());
  EXPECT_EQ(shown.source_json(), kVxlan);
  EXPECT_EQ(shown.subnets_total_ipv4(), 255u);

  TestNode node(channel_, 1);
  ASSERT_TRUE(node.UntilPeers(1));
  const std::string grown = R"({"Network":"10.240.0.0/12","SubnetLen":24,
      "Backend":{"Type":"vxlan"}})";
  set.Clear();
  ASSERT_TRUE(SetNetwork(grown, true, &set).ok());
  ASSERT_GE(set.effects_size(), 1);
  EXPECT_THAT(set.effects(0), HasSubstr("from 10.244.0.0/16"));
  EXPECT_EQ(*node.replica.network, TestNetwork()) << "a dry run";
  set.Clear();
  ASSERT_TRUE(SetNetwork(grown, false, &set).ok());
  ASSERT_TRUE(node.Until([&](TestNode* n) { return n->replica.revision >= set.revision(); }));
  EXPECT_EQ(*node.replica.network, TestNetwork(grown));

  const std::string elsewhere = R"({"Network":"10.99.0.0/16","Backend":{"Type":"vxlan"}})";
  for (const bool dry_run : {true, false}) {
    const grpc::Status orphan = SetNetwork(elsewhere, dry_run, &set);
    EXPECT_EQ(orphan.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
    EXPECT_THAT(orphan.error_message(), HasSubstr("node-1"));
  }
  EXPECT_EQ(SetNetwork("{", false, &set).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const grpc::Status ipsec = SetNetwork(kUnbuilt, false, &set);
  EXPECT_EQ(ipsec.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(ipsec.error_message(), HasSubstr("ipsec"));
}

TEST_F(ControllerTest, ReserveReleaseRemoveAccept) {
  Start();
  v1::ReserveLeaseRequest reserve;
  reserve.set_node_id("node-7");
  *reserve.add_subnets() = ToProto(*Prefix::Parse("10.244.77.0/24"));
  v1::LeaseResponse lease;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::ReserveLease, reserve, &lease).ok());
  EXPECT_EQ(lease.lease().state(), "reserved");
  EXPECT_EQ(lease.lease().expires_unix_ms(), 0);
  *reserve.mutable_subnets(0) = ToProto(*Prefix::Parse("10.99.0.0/24"));
  const grpc::Status outside = Call(&v1::AdminService::Stub::ReserveLease, reserve, &lease);
  EXPECT_FALSE(outside.ok());
  EXPECT_THAT(outside.error_message(), HasSubstr("10.99.0.0/24"));

  TestNode node(channel_, 7);
  ASSERT_TRUE(node.UntilPeers(1));
  EXPECT_EQ(FromProto(node.self.ipv4_subnet())->ToString(), "10.244.77.0/24");
  v1::NodeRequest request;
  request.set_node_id("node-7");
  v1::RevisionResponse revision;
  const grpc::Status none = Call(&v1::AdminService::Stub::AcceptRemovals, request, &revision);
  EXPECT_EQ(none.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(none.error_message(), HasSubstr("nothing to accept"));
  node.held_removals = 9;
  const int before = node.heartbeats;  // the next one but one follows the report
  ASSERT_TRUE(node.Until([&](TestNode* n) { return n->heartbeats == before + 2; }));
  ASSERT_TRUE(Call(&v1::AdminService::Stub::AcceptRemovals, request, &revision).ok());
  ASSERT_TRUE(node.Until([](TestNode* n) { return n->accepts == 1; }));

  v1::ReleaseLeaseRequest release;
  release.set_node_id("node-7");
  const grpc::Status attached = Call(&v1::AdminService::Stub::ReleaseLease, release, &lease);
  EXPECT_EQ(attached.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(attached.error_message(), HasSubstr("Stop heddle-node there first"));
  ASSERT_TRUE(Call(&v1::AdminService::Stub::RemoveNode, request, &revision).ok());
  EXPECT_FALSE(node.Until([](TestNode*) { return false; }));
  EXPECT_THAT(node.End().error_message(), HasSubstr("removed by an administrator"));
  v1::ListLeasesRequest list;
  list.set_include_resting(true);
  v1::ListLeasesResponse leases;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::ListLeases, list, &leases).ok());
  ASSERT_EQ(leases.leases_size(), 1);
  EXPECT_EQ(leases.leases(0).state(), "resting");
  EXPECT_EQ(Call(&v1::AdminService::Stub::ReleaseLease, release, &lease).error_code(),
            grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(Call(&v1::AdminService::Stub::AcceptRemovals, request, &revision).error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(ControllerTest, ANodeWithoutALeaseCanBeRemovedAndIsForgotten) {
  Start();
  grpc::ClientContext context;
  const auto stub = v1::NodeService::NewStub(channel_);
  const auto stream = stub->Attach(&context);
  v1::NodeMessage hello;
  hello.mutable_hello()->set_protocol_version(1);
  hello.mutable_hello()->set_node_id("node-9");
  hello.mutable_hello()->set_instance_id("i");
  ASSERT_TRUE(stream->Write(hello));
  v1::ControllerMessage message;
  ASSERT_TRUE(stream->Read(&message));
  v1::ListNodesResponse nodes;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::ListNodes, v1::ListNodesRequest(), &nodes).ok());
  ASSERT_EQ(nodes.nodes_size(), 1);
  EXPECT_THAT(nodes.nodes(0).remote_address(), StartsWith("127.0.0.1:"));

  v1::NodeRequest request;
  request.set_node_id("node-9");
  v1::RevisionResponse revision;
  const grpc::Status removed = Call(&v1::AdminService::Stub::RemoveNode, request, &revision);
  EXPECT_TRUE(removed.ok()) << removed.error_message();
  while (stream->Read(&message)) {
  }
  EXPECT_THAT(stream->Finish().error_message(), HasSubstr("removed by an administrator"));
  nodes.Clear();
  ASSERT_TRUE(Call(&v1::AdminService::Stub::ListNodes, v1::ListNodesRequest(), &nodes).ok());
  EXPECT_EQ(nodes.nodes_size(), 0);
  EXPECT_EQ(Call(&v1::AdminService::Stub::RemoveNode, request, &revision).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(ControllerTest, WatchTellsPutsRemovalsAndNetworks) {
  Start();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  const auto watch = admin_->Watch(&context, {});
  watch->WaitForInitialMetadata();  // the watch stands: what follows is told
  v1::WatchEvent event;
  {
    TestNode node(channel_, 1);
    ASSERT_TRUE(node.UntilPeers(1));
    ASSERT_TRUE(watch->Read(&event));
    EXPECT_EQ(event.kind(), "put");
    EXPECT_EQ(event.peer().node_id(), "node-1");
    EXPECT_TRUE(event.peer().has_advertisement());
    v1::NodeRequest request;
    request.set_node_id("node-1");
    v1::RevisionResponse revision;
    ASSERT_TRUE(Call(&v1::AdminService::Stub::RemoveNode, request, &revision).ok());
  }
  ASSERT_TRUE(watch->Read(&event));
  EXPECT_EQ(event.kind(), "removed");
  v1::SetNetworkResponse set;
  ASSERT_TRUE(
      SetNetwork(R"({"Network":"10.7.0.0/16","Backend":{"Type":"host-gw"}})", false, &set).ok());
  ASSERT_TRUE(watch->Read(&event));
  EXPECT_EQ(event.kind(), "network");
  EXPECT_EQ(event.network().backend().type(), "host-gw");
  context.TryCancel();
  EXPECT_FALSE(watch->Read(&event));
  watch->Finish();
}

TEST_F(ControllerTest, StatusHealthAndHeartbeats) {
  Start();
  TestNode node(channel_, 1);
  ASSERT_TRUE(node.Until([](TestNode* n) { return n->heartbeats == 2; }));
  v1::GetStatusResponse status;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::GetStatus, {}, &status).ok());
  EXPECT_TRUE(status.writable()) << status.store_detail();
  EXPECT_EQ(status.attached_nodes(), 1u);
  EXPECT_EQ(status.leases(), 1u);
  EXPECT_FALSE(status.position().history().empty());
  EXPECT_GT(status.expiry_held_until_unix_ms(), status.started_unix_ms());
  v1::WaitAppliedRequest wait;
  wait.set_revision(status.position().revision() + 1000);
  v1::WaitAppliedResponse waited;
  EXPECT_EQ(Call(&v1::AdminService::Stub::WaitApplied, wait, &waited).error_code(),
            grpc::StatusCode::OUT_OF_RANGE);
}

TEST_F(ControllerTest, DrainEndsStreamsWithAWordAndSoon) {
  Start();
  TestNode node(channel_, 1);
  ASSERT_TRUE(node.UntilPeers(1));
  const absl::Time begun = absl::Now();
  std::thread drain([&] { controller_->Drain(); });
  EXPECT_FALSE(node.Until([](TestNode*) { return false; }));
  const grpc::Status status = node.End();
  drain.join();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("this controller is ending"));
  EXPECT_LT(absl::Now() - begun, absl::Seconds(3));
}

TEST_F(ControllerTest, ConfigurationFileReplacesOrIsRefusedAtStart) {
  Start();
  {
    TestNode node(channel_, 1);
    ASSERT_TRUE(node.UntilPeers(1));
  }
  Stop();
  Start(R"({"Network":"10.240.0.0/12","SubnetLen":24,"Backend":{"Type":"vxlan"}})");
  Stop();
  const absl::Status refused = TryStart(R"({"Network":"10.7.0.0/16","Backend":{"Type":"vxlan"}})");
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("node-1"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("start without --net-conf"));
  Stop();
  const absl::Status ipsec = TryStart(kUnbuilt);
  EXPECT_TRUE(absl::IsUnimplemented(ipsec)) << ipsec;
  EXPECT_THAT(std::string(ipsec.message()), HasSubstr("net-conf.json: the backend 'ipsec'"));
  Stop();
  Start("");
}

// Nodes of an earlier release are not sent what they do not understand; nodes that are gone are
// named.
TEST_F(ControllerTest, TheDoctorGoesOnWithoutNodesThatCannotProbe) {
  Start();
  TestNode node(channel_, 1);
  ASSERT_TRUE(node.UntilPeers(1));
  const auto diagnose = [&](const std::string& node_id, std::string* errors) {
    v1::DiagnoseRequest request;
    request.add_node_ids(node_id);
    grpc::ClientContext context;
    const auto reader = admin_->Diagnose(&context, request);
    for (v1::DiagnoseEvent event; reader->Read(&event);) *errors += event.node_error();
    return reader->Finish().error_code();
  };
  std::string errors;
  EXPECT_EQ(diagnose("node-1", &errors), grpc::StatusCode::OK);
  EXPECT_THAT(errors, HasSubstr("cannot probe; upgrade it"));
  EXPECT_EQ(diagnose("node-9", &errors), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace heddle::controller
