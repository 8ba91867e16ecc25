// The control server over a real socket, with callers that keep to the rules and callers that
// don't.
#include "node/dataplane/forwarder/server.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder/server_fixture.h"
#include "node/dataplane/forwarder/unix_address.h"

namespace heddle::node::forwarder {
namespace {

using testing::HasSubstr;

class ServerTest : public ServerFixture {};

TEST_F(ServerTest, ListensForItsOwnUserAlone) {
  Start();
  struct stat file;
  ASSERT_EQ(lstat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 07777, 0600u);
  EXPECT_EQ(ListeningSocket::Bind(path_).status().code(), absl::StatusCode::kAlreadyExists);
  Stop();
  EXPECT_NE(lstat(path_.c_str(), &file), 0);
}

TEST_F(ServerTest, ASocketThatNobodyListensAtIsReplacedAndAnotherFileIsNot) {
  { const Descriptor file(open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); }
  EXPECT_EQ(ListeningSocket::Bind(path_).status().code(), absl::StatusCode::kInvalidArgument);
  ASSERT_EQ(unlink(path_.c_str()), 0);
  const Descriptor dead(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = *ToUnixAddress(path_);
  ASSERT_EQ(bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  Start();
  EXPECT_EQ(CountTunnels(), 0);
}

TEST_F(ServerTest, KeepsWhatItWasToldWhenTheCallerGoes) {
  Start();
  {
    ControlChannel channel = Connect();
    const auto answer = Ask(&channel, SetTunnel("10.1.1.0", 24, "192.0.2.1"));
    ASSERT_EQ(answer.status(), absl::OkStatus());
    EXPECT_EQ(answer->error(), "");
  }
  EXPECT_EQ(CountTunnels(), 1);
  EXPECT_FALSE(has_ended_);
}

TEST_F(ServerTest, AWrongRequestIsAnsweredAndChangesNothing) {
  Start();
  ControlChannel channel = Connect();
  control::Request request = SetTunnel("10.1.1.0", 24, "192.0.2.1");
  request.mutable_change()->add_remove()->set_base("abc");
  auto answer = Ask(&channel, request);
  ASSERT_EQ(answer.status(), absl::OkStatus());
  EXPECT_NE(answer->error(), "");
  answer = Ask(&channel, control::Request());
  ASSERT_EQ(answer.status(), absl::OkStatus());
  EXPECT_THAT(answer->error(), HasSubstr("does not know this request"));
  EXPECT_EQ(CountTunnels(), 0);
}

TEST_F(ServerTest, DescriptorsMustBeWhatTheyAreCalled) {
  Start();
  ControlChannel channel = Connect();
  const Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  control::Request request;
  control::Device* const device = request.mutable_change()->mutable_device();
  device->set_name("heddle.udp");
  device->set_index(7);
  device->set_queues(1);
  auto answer = Ask(&channel, request, {null.get()});
  ASSERT_EQ(answer.status(), absl::OkStatus());
  EXPECT_THAT(answer->error(), HasSubstr("no queue of a TUN device"));
  answer = Ask(&channel, request, {null.get(), null.get()});
  ASSERT_EQ(answer.status(), absl::OkStatus());
  EXPECT_THAT(answer->error(), HasSubstr("2 came, and 1 are named"));

  request.Clear();
  control::Listener* const listener = request.mutable_change()->add_listen();
  listener->set_local(Ip::Parse("127.0.0.1")->ToBytes());
  listener->set_port(8285);
  listener->set_sockets(1);
  const Descriptor stream(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  answer = Ask(&channel, request, {stream.get()});
  ASSERT_EQ(answer.status(), absl::OkStatus());
  EXPECT_THAT(answer->error(), HasSubstr("no IPv4 UDP socket"));
  answer = Ask(&channel, Describe());
  ASSERT_EQ(answer.status(), absl::OkStatus());
  EXPECT_FALSE(answer->state().has_device());
  EXPECT_EQ(answer->state().listeners_size(), 0);
}

TEST_F(ServerTest, WhoeverBreaksTheRulesIsDisconnectedAndNobodyElse) {
  Start();
  ControlChannel bystander = Connect();
  const std::string offences[] = {
      Prefix(kMaxMessageBytes + 1),    // too long
      Prefix(4) + "\xff\xff\xff\xff",  // no message
      Prefix(100) + "half a message",  // not in time
      "GET / HTTP/1.1\r\n\r\n",
  };
  for (const std::string& offence : offences) {
    const ControlChannel offender = Connect();
    WriteRaw(offender, offence);
    EXPECT_TRUE(IsClosed(offender)) << offence;
    EXPECT_EQ(Ask(&bystander, Describe()).status(), absl::OkStatus());
  }
}

TEST_F(ServerTest, SomebodyWhoGoesWithinAMessageIsForgotten) {
  Start();
  {
    const ControlChannel channel = Connect();
    WriteRaw(channel, Prefix(100) + "half");
  }
  EXPECT_EQ(CountTunnels(), 0);
}

TEST_F(ServerTest, NoMoreThanSoManyAtOnce) {
  options_.max_connections = 2;
  Start();
  ControlChannel first = Connect(), second = Connect();
  ASSERT_EQ(Ask(&second, Describe()).status(), absl::OkStatus());
  const ControlChannel third = Connect();
  EXPECT_TRUE(IsClosed(third));
  EXPECT_EQ(Ask(&first, Describe()).status(), absl::OkStatus());
}

TEST_F(ServerTest, OtherUsersAreNotTalkedTo) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can play another user";
  Start();
  // As if somebody had opened the way to it.
  ASSERT_EQ(chmod(folder_, 0755), 0);
  ASSERT_EQ(chmod(path_.c_str(), 0666), 0);
  const Descriptor stranger(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = *ToUnixAddress(path_);
  ASSERT_EQ(seteuid(65534), 0);
  EXPECT_EQ(connect(stranger.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
            0);
  ASSERT_EQ(seteuid(0), 0);
  const ControlChannel channel{Descriptor(fcntl(stranger.get(), F_DUPFD_CLOEXEC, 0))};
  EXPECT_TRUE(IsClosed(channel));
}

TEST_F(ServerTest, EndsWhenItHasNothingToDo) {
  options_.patience = absl::Milliseconds(300);
  Start();
  {
    ControlChannel channel = Connect();
    ASSERT_EQ(Ask(&channel, Describe()).status(), absl::OkStatus());
    EXPECT_FALSE(EndsBy(absl::Milliseconds(600)));  // somebody is connected
    ASSERT_EQ(Ask(&channel, SetTunnel("10.1.1.0", 24, "192.0.2.1")).status(), absl::OkStatus());
  }
  EXPECT_FALSE(EndsBy(absl::Milliseconds(600)));  // it serves a tunnel
  {
    ControlChannel channel = Connect();
    control::Request request;
    request.mutable_change()->set_forget_device(true);
    ASSERT_EQ(Ask(&channel, request).status(), absl::OkStatus());
  }
  EXPECT_TRUE(EndsBy(kLimit));
}

}  // namespace
}  // namespace heddle::node::forwarder
