// The control server over a real socket, with callers that keep to the rules and callers that
// don't.
#include "node/dataplane/forwarder/server.h"

#include <endian.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder/descriptors.h"
#include "node/dataplane/forwarder/unix_address.h"

namespace heddle::node::forwarder {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr absl::Duration kLimit = absl::Seconds(10);

control::Request Describe() {
  control::Request request;
  request.mutable_describe();
  return request;
}

control::Request SetTunnel(const char* subnet, int length, const char* endpoint) {
  control::Request request;
  control::Tunnel* const tunnel = request.mutable_change()->add_set();
  tunnel->mutable_subnet()->set_base(Ip::Parse(subnet)->ToBytes());
  tunnel->mutable_subnet()->set_length(static_cast<std::uint32_t>(length));
  tunnel->set_endpoint(Ip::Parse(endpoint)->ToBytes());
  tunnel->set_port(8285);
  return request;
}

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    options_.patience = absl::Seconds(30);
    options_.message_limit = absl::Milliseconds(200);
  }
  ~ServerTest() override {
    Stop();
    unlink(path_.c_str());
    rmdir(folder_);
  }

  void Start() {
    auto listening = ListeningSocket::Bind(path_);
    ASSERT_EQ(listening.status(), absl::OkStatus());
    thread_ = std::thread([this, socket = *std::move(listening)]() mutable {
      Server server(options_, std::move(socket), stop_.get());
      server.Run();
      has_ended_ = true;
    });
  }
  void Stop() {
    eventfd_write(stop_.get(), 1);
    if (thread_.joinable()) thread_.join();
  }
  bool EndsBy(absl::Duration limit) {
    for (const absl::Time end = absl::Now() + limit; absl::Now() < end && !has_ended_;) {
      absl::SleepFor(absl::Milliseconds(5));
    }
    return has_ended_;
  }
  ControlChannel Connect() {
    auto channel = ControlChannel::Connect(path_);
    EXPECT_EQ(channel.status(), absl::OkStatus());
    return *std::move(channel);
  }
  static absl::StatusOr<control::Answer> Ask(ControlChannel* channel,
                                             const control::Request& request,
                                             absl::Span<const int> descriptors = {}) {
    const absl::Status sent = channel->Send(request.SerializeAsString(), descriptors, kLimit);
    if (!sent.ok()) return sent;
    auto message = channel->Receive(kLimit);
    if (!message.ok()) return message.status();
    control::Answer answer;
    if (!answer.ParseFromString(message->bytes)) return absl::DataLossError("no answer");
    return answer;
  }
  int CountTunnels() {
    ControlChannel channel = Connect();
    const auto answer = Ask(&channel, Describe());
    EXPECT_EQ(answer.status(), absl::OkStatus());
    return answer.ok() ? answer->state().tunnels_size() : -1;
  }
  // Whether the server has closed the connection, as it does with who breaks the rules.
  static bool IsClosed(const ControlChannel& channel) {
    char byte;
    const timeval limit{10, 0};
    setsockopt(channel.fd(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    const ssize_t got = read(channel.fd(), &byte, 1);
    return got == 0 || (got < 0 && errno == ECONNRESET);
  }
  static void WriteRaw(const ControlChannel& channel, const std::string& bytes) {
    ASSERT_EQ(send(channel.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  static std::string Prefix(std::uint32_t bytes) {
    bytes = htobe32(bytes);
    return {reinterpret_cast<const char*>(&bytes), sizeof(bytes)};
  }

  char folder_[40] = "/tmp/forwarder_server_test.XXXXXX";
  const std::string path_ = std::string(mkdtemp(folder_)) + "/forwarder.sock";
  ServerOptions options_;
  const Descriptor stop_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::atomic<bool> has_ended_{false};
  std::thread thread_;
};

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

TEST_F(ServerTest, HandsOverOnceAndEndsWithTheConnection) {
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

TEST_F(ServerTest, AnHeirThatDoesNotTakeItIsNone) {
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
  absl::SleepFor(options_.message_limit * 3);
  EXPECT_FALSE(has_ended_);
  EXPECT_EQ(CountTunnels(), 60000);
}

}  // namespace
}  // namespace heddle::node::forwarder
