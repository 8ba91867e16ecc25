// What an upgrade asks of the control server: to give everything away.
#include <sys/stat.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder/descriptors.h"
#include "node/dataplane/forwarder/server_fixture.h"

namespace heddle::node::forwarder {
namespace {

using testing::SizeIs;

class HandOverTest : public ServerFixture {};

TEST_F(HandOverTest, HandsOverOnceAndEndsWithTheConnection) {
  Start();
  std::optional<ControlChannel> heir = Connect();
  ControlChannel other = Connect();
  ASSERT_EQ(Ask(&*heir, SetTunnel("10.1.1.0", 24, "192.0.2.1")).status(), absl::OkStatus());
  auto sockets = OpenUdpSockets(*Ip::Parse("127.0.0.1"), 48285, 2);
  ASSERT_EQ(sockets.status(), absl::OkStatus());
  control::Request listen;
  control::Listener* const listener = listen.mutable_change()->add_listen();
  listener->set_local(Ip::Parse("127.0.0.1")->ToBytes());
  listener->set_port(48285);
  listener->set_sockets(2);
  const auto listened = Ask(&*heir, listen, {(*sockets)[0].get(), (*sockets)[1].get()});
  ASSERT_EQ(listened.status(), absl::OkStatus());
  ASSERT_EQ(listened->error(), "");

  control::Request request;
  request.mutable_hand_over();
  ASSERT_EQ(heir->Send(request.SerializeAsString(), {}, kLimit), absl::OkStatus());
  const auto message = heir->Receive(kLimit);
  ASSERT_EQ(message.status(), absl::OkStatus());
  control::Answer answer;
  ASSERT_TRUE(answer.ParseFromString(message->bytes));
  EXPECT_EQ(answer.state().tunnels_size(), 1);
  EXPECT_THAT(message->descriptors, SizeIs(2));
  // Its place is free, and it listens to nobody else.
  EXPECT_EQ(ControlChannel::Connect(path_).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(Ask(&other, Describe()).ok());
  EXPECT_FALSE(EndsBy(absl::Milliseconds(100)));
  heir.reset();
  EXPECT_TRUE(EndsBy(kLimit));
  struct stat file;
  EXPECT_NE(lstat((path_ + ".former").c_str(), &file), 0);
}

TEST_F(HandOverTest, AnHeirThatDoesNotTakeItIsNone) {
  Start();
  ControlChannel channel = Connect();
  // More than the socket holds, so that the answer does not get through.
  control::Request request;
  for (int i = 0; i < 60000; ++i) {
    *request.mutable_change()->add_set() =
        SetTunnel(absl::StrCat(1 + (i >> 8), ".", i & 255, ".0.0").c_str(), 16, "192.0.2.1")
            .change()
            .set(0);
  }
  ASSERT_EQ(Ask(&channel, request).status(), absl::OkStatus());
  request.Clear();
  request.mutable_hand_over();
  ASSERT_EQ(channel.Send(request.SerializeAsString(), {}, kLimit), absl::OkStatus());
  EXPECT_TRUE(PathComesToBe(false));  // while it tries to hand over
  EXPECT_TRUE(PathComesToBe(true));
  EXPECT_FALSE(has_ended_);
  EXPECT_EQ(CountTunnels(), 60000);
}

}  // namespace
}  // namespace heddle::node::forwarder
