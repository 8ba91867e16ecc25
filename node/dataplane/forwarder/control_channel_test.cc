#include "node/dataplane/forwarder/control_channel.h"

#include <endian.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder/unix_address.h"

namespace heddle::node::forwarder {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

constexpr absl::Duration kLimit = absl::Seconds(10);
constexpr absl::Duration kShort = absl::Milliseconds(50);

class ControlChannelTest : public testing::Test {
 protected:
  ControlChannelTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    near_.emplace(Descriptor(ends[0]));
    far_.emplace(Descriptor(ends[1]));
  }
  // What a message of `bytes` begins with.
  static std::string Prefix(std::uint32_t bytes) {
    bytes = htobe32(bytes);
    return {reinterpret_cast<const char*>(&bytes), sizeof(bytes)};
  }
  void WriteRaw(const std::string& bytes) {
    ASSERT_EQ(write(near_->fd(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  absl::StatusCode Received(absl::Duration limit = kLimit) {
    return far_->Receive(limit).status().code();
  }

  std::optional<ControlChannel> near_, far_;
};

TEST_F(ControlChannelTest, CarriesMessagesWithDescriptorsInOrder) {
  const Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  ASSERT_EQ(near_->Send("one", {null.get(), null.get()}, kLimit), absl::OkStatus());
  ASSERT_EQ(near_->Send("", {}, kLimit), absl::OkStatus());
  ASSERT_EQ(near_->Send("three", {null.get()}, kLimit), absl::OkStatus());
  const auto one = far_->Receive(kLimit), two = far_->Receive(kLimit),
             three = far_->Receive(kLimit);
  ASSERT_TRUE(one.ok() && two.ok() && three.ok());
  EXPECT_EQ(one->bytes, "one");
  EXPECT_THAT(one->descriptors, SizeIs(2));
  EXPECT_EQ(two->bytes, "");
  EXPECT_THAT(two->descriptors, IsEmpty());
  EXPECT_EQ(three->bytes, "three");
  ASSERT_THAT(three->descriptors, SizeIs(1));
  EXPECT_EQ(write(three->descriptors[0].get(), "x", 1), 1);
  EXPECT_EQ(fcntl(three->descriptors[0].get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST_F(ControlChannelTest, CarriesTheMostDescriptorsAndRefusesMore) {
  const Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  std::vector<int> many(kMaxDescriptors, null.get());
  ASSERT_EQ(near_->Send("m", many, kLimit), absl::OkStatus());
  const auto received = far_->Receive(kLimit);
  ASSERT_EQ(received.status(), absl::OkStatus());
  EXPECT_THAT(received->descriptors, SizeIs(kMaxDescriptors));
  many.push_back(null.get());
  EXPECT_EQ(near_->Send("m", many, kLimit).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ControlChannelTest, CarriesMessagesLongerThanTheSocketHolds) {
  std::string bytes(8 << 20, 'a');
  bytes.back() = 'z';
  std::thread sender([&] { EXPECT_EQ(near_->Send(bytes, {}, kLimit), absl::OkStatus()); });
  const auto received = far_->Receive(kLimit);
  sender.join();
  ASSERT_EQ(received.status(), absl::OkStatus());
  EXPECT_TRUE(received->bytes == bytes);
}

TEST_F(ControlChannelTest, TellsTheEndBetweenMessagesFromOneWithin) {
  WriteRaw(Prefix(5) + "whole" + Prefix(5) + "cu");
  near_.reset();
  EXPECT_EQ(Received(), absl::StatusCode::kOk);
  EXPECT_EQ(Received(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Received(), absl::StatusCode::kOutOfRange);
}

TEST_F(ControlChannelTest, ALengthThatIsCutIsALoss) {
  WriteRaw(Prefix(5).substr(0, 3));
  near_.reset();
  EXPECT_EQ(Received(), absl::StatusCode::kDataLoss);
}

TEST_F(ControlChannelTest, RefusesWhatIsTooLong) {
  WriteRaw(Prefix(kMaxMessageBytes + 1));
  EXPECT_EQ(Received(), absl::StatusCode::kInvalidArgument);
  const std::string bytes(kMaxMessageBytes + 1, 'a');
  EXPECT_EQ(near_->Send(bytes, {}, kLimit).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ControlChannelTest, WaitsNoLongerThanItMay) {
  EXPECT_EQ(Received(kShort), absl::StatusCode::kDeadlineExceeded);
  WriteRaw(Prefix(5) + "cu");
  EXPECT_EQ(Received(kShort), absl::StatusCode::kDeadlineExceeded);
  // Nobody reads at the far end.
  EXPECT_EQ(near_->Send(std::string(8 << 20, 'a'), {}, kShort).code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST_F(ControlChannelTest, SendingToNobodyIsNoSignal) {
  far_.reset();
  EXPECT_EQ(near_->Send("one", {}, kLimit).code(), absl::StatusCode::kUnavailable);
}

TEST_F(ControlChannelTest, DescriptorsOfAMessageThatDoesNotComeWholeAreClosed) {
  int pipe_ends[2];
  ASSERT_EQ(pipe2(pipe_ends, O_CLOEXEC), 0);
  const Descriptor reading(pipe_ends[0]);
  {
    const Descriptor writing(pipe_ends[1]);
    std::thread sender([&] {
      near_->Send(std::string(8 << 20, 'a'), {writing.get()}, kShort).IgnoreError();
      near_.reset();
    });
    EXPECT_EQ(Received(absl::ZeroDuration()), absl::StatusCode::kDeadlineExceeded);
    sender.join();
    far_.reset();
  }
  char byte;
  EXPECT_EQ(read(reading.get(), &byte, 1), 0);  // the end: nobody holds the other one
}

TEST_F(ControlChannelTest, KnowsItsPeer) {
  EXPECT_TRUE(near_->IsPeerTrusted());
  EXPECT_EQ(near_->peer_pid(), getpid());
}

// A folder of its own: those of tests have longer paths than a socket may.
class ControlChannelConnectTest : public testing::Test {
 protected:
  ControlChannelConnectTest() : path_(std::string(mkdtemp(folder_)) + "/channel.sock") {}
  ~ControlChannelConnectTest() override {
    unlink(path_.c_str());
    rmdir(folder_);
  }

  char folder_[40] = "/tmp/control_channel_test.XXXXXX";
  const std::string path_;
};

TEST_F(ControlChannelConnectTest, SaysThatNobodyListens) {
  const auto channel = ControlChannel::Connect(path_);
  EXPECT_EQ(channel.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(channel.status().message()), testing::HasSubstr(path_));
  EXPECT_EQ(ControlChannel::Connect(std::string(108, 'p')).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ControlChannelConnectTest, DoesNotTalkToAnotherUsersProgram) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can play another user";
  const Descriptor listening(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = *ToUnixAddress(path_);
  ASSERT_EQ(bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  // The kernel notes who listens at the time of listen().
  ASSERT_EQ(seteuid(65534), 0);
  ASSERT_EQ(listen(listening.get(), 1), 0);
  ASSERT_EQ(seteuid(0), 0);
  EXPECT_EQ(ControlChannel::Connect(path_).status().code(), absl::StatusCode::kPermissionDenied);
}

}  // namespace
}  // namespace heddle::node::forwarder
