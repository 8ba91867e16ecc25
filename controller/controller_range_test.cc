// Moving to another range through a controller's services.
#include "api/convert.h"
#include "controller/test_controller.h"
#include "controller/test_stream_node.h"
#include "gmock/gmock.h"

namespace heddle::controller {
namespace {

using ::testing::HasSubstr;

TEST_F(ControllerTest, MovesANodeToAnotherRange) {
  Start();
  TestNode node(channel_, 1);
  ASSERT_TRUE(node.UntilPeers(1));
  v1::SetNetworkRequest set;
  set.set_net_conf_json(R"({"Network":"10.99.0.0/16","Backend":{"Type":"vxlan"}})");
  v1::SetNetworkResponse answer;
  const grpc::Status refused = Call(&v1::AdminService::Stub::SetNetwork, set, &answer);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(refused.error_message(), HasSubstr("--drain"));
  set.set_drain(true);
  ASSERT_TRUE(Call(&v1::AdminService::Stub::SetNetwork, set, &answer).ok());
  EXPECT_TRUE(answer.changed());
  EXPECT_THAT(answer.effects(1), HasSubstr("10.244.0.0/16 is left: its 1 subnets stay"));
  answer.Clear();
  ASSERT_TRUE(Call(&v1::AdminService::Stub::SetNetwork, set, &answer).ok());
  EXPECT_FALSE(answer.changed()) << "the same again";

  v1::RenumberNodeRequest renumber;
  renumber.set_node_id("node-1");
  v1::LeaseResponse moved;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::RenumberNode, renumber, &moved).ok());
  EXPECT_EQ(FromProto(moved.lease().ipv4_subnet())->ToString(), "10.99.1.0/24");
  EXPECT_EQ(FromProto(moved.lease().draining_ipv4_subnet())->ToString(), "10.244.1.0/24");
  EXPECT_TRUE(node.Until([](TestNode* n) { return n->self.has_draining_ipv4_subnet(); }));
  v1::GetNetworkResponse network;
  ASSERT_TRUE(Call(&v1::AdminService::Stub::GetNetwork, {}, &network).ok());
  EXPECT_EQ(network.leases_draining(), 1u);
  EXPECT_EQ(network.subnets_used_ipv4(), 1u) << "of the new range";
  renumber.set_finish(true);
  ASSERT_TRUE(Call(&v1::AdminService::Stub::RenumberNode, renumber, &moved).ok());
  EXPECT_FALSE(moved.lease().has_draining_ipv4_subnet());
  renumber.set_node_id("node-9");
  EXPECT_EQ(Call(&v1::AdminService::Stub::RenumberNode, renumber, &moved).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace heddle::controller
