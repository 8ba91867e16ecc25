#include "node/dataplane/forwarder/change.h"

#include <sys/socket.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder/control_channel.h"

namespace heddle::node::forwarder {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

std::string Bytes(const char* address) { return Ip::Parse(address)->ToBytes(); }

class ChangeTest : public testing::Test {
 protected:
  // One device of two queues, one listener of two sockets, one tunnel.
  ChangeTest() {
    control::Device* const device = change_.mutable_device();
    device->set_name("heddle.udp");
    device->set_index(7);
    device->set_queues(2);
    device->set_vnet_header(true);
    control::Listener* const listener = change_.add_listen();
    listener->set_local(Bytes("192.0.2.1"));
    listener->set_port(8285);
    listener->set_sockets(2);
    listener->add_subnets()->set_base(Bytes("10.1.1.0"));
    listener->mutable_subnets(0)->set_length(24);
    control::Tunnel* const tunnel = change_.add_set();
    tunnel->mutable_subnet()->set_base(Bytes("10.1.2.0"));
    tunnel->mutable_subnet()->set_length(24);
    tunnel->set_endpoint(Bytes("192.0.2.2"));
    tunnel->set_port(8285);
  }
  void ExpectRefused(std::size_t descriptors = 4) {
    EXPECT_EQ(CheckChange(change_, descriptors).status().code(),
              absl::StatusCode::kInvalidArgument);
  }

  control::Request::Change change_;
};

TEST_F(ChangeTest, IsTakenAsItIsMeant) {
  change_.add_stop_listening(AF_INET6);
  const auto terms = CheckChange(change_, 4);
  ASSERT_EQ(terms.status(), absl::OkStatus());
  EXPECT_EQ(terms->device->name, "heddle.udp");
  EXPECT_EQ(terms->device->queues, 2);
  EXPECT_TRUE(terms->device->vnet_header);
  ASSERT_THAT(terms->listen, SizeIs(1));
  EXPECT_EQ(terms->listen[0].local, *Ip::Parse("192.0.2.1"));
  EXPECT_THAT(terms->listen[0].subnets, ElementsAre(*Prefix::Parse("10.1.1.0/24")));
  ASSERT_THAT(terms->set, SizeIs(1));
  EXPECT_EQ(terms->set[0].subnet, *Prefix::Parse("10.1.2.0/24"));
  EXPECT_THAT(terms->stop_listening, ElementsAre(Family::kV6));
}

TEST_F(ChangeTest, DescriptorsAreAsManyAsItSays) {
  ExpectRefused(3);
  ExpectRefused(5);
  change_.mutable_device()->set_queues(0);
  ExpectRefused(2);
  change_.mutable_device()->set_queues(kMaxWorkers + 1);
  ExpectRefused(kMaxWorkers + 3);
}

TEST_F(ChangeTest, ADeviceHasANameAndAnIndex) {
  for (const char* name : {"", "sixteen.letters.", "a b", "../up"}) {
    change_.mutable_device()->set_name(name);
    ExpectRefused();
  }
  change_.mutable_device()->set_name("heddle.udp");
  change_.mutable_device()->set_index(0);
  ExpectRefused();
}

TEST_F(ChangeTest, AListenerHasAnAddressAndAPortAndItsFamilyToItself) {
  control::Listener* const listener = change_.mutable_listen(0);
  listener->set_local("abc");
  ExpectRefused();
  listener->set_local(Bytes("192.0.2.1"));
  for (std::uint32_t port : {0u, 65536u}) {
    listener->set_port(port);
    ExpectRefused();
  }
  listener->set_port(8285);
  *change_.add_listen() = change_.listen(0);
  ExpectRefused(6);
}

TEST_F(ChangeTest, ATunnelLeadsToAHost) {
  control::Tunnel* const tunnel = change_.mutable_set(0);
  for (const char* nobody : {"0.0.0.0", "224.0.0.1", "::", "ff02::1"}) {
    tunnel->set_endpoint(Bytes(nobody));
    ExpectRefused();
  }
  tunnel->set_endpoint(Bytes("192.0.2.2"));
  tunnel->mutable_subnet()->set_length(33);
  ExpectRefused();
}

TEST_F(ChangeTest, AFamilyIsOneOfTwo) {
  change_.add_stop_listening(AF_UNIX);
  ExpectRefused();
}

}  // namespace
}  // namespace heddle::node::forwarder
