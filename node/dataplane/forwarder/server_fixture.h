// For tests: the control server on a thread of its own, and callers.
#pragma once

#include <endian.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder/server.h"

namespace heddle::node::forwarder {

inline constexpr absl::Duration kLimit = absl::Seconds(10);

inline control::Request Describe() {
  control::Request request;
  request.mutable_describe();
  return request;
}

inline control::Request SetTunnel(const char* subnet, int length, const char* endpoint) {
  control::Request request;
  control::Tunnel* const tunnel = request.mutable_change()->add_set();
  tunnel->mutable_subnet()->set_base(Ip::Parse(subnet)->ToBytes());
  tunnel->mutable_subnet()->set_length(static_cast<std::uint32_t>(length));
  tunnel->set_endpoint(Ip::Parse(endpoint)->ToBytes());
  tunnel->set_port(8285);
  return request;
}

class ServerFixture : public testing::Test {
 protected:
  ServerFixture() {
    options_.patience = absl::Seconds(30);
    options_.message_limit = absl::Milliseconds(200);
  }
  ~ServerFixture() override {
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
  // Whether its path is there, or no longer, before long.
  bool PathComesToBe(bool there) {
    for (const absl::Time end = absl::Now() + kLimit; absl::Now() < end;) {
      if ((access(path_.c_str(), F_OK) == 0) == there) return true;
      absl::SleepFor(absl::Milliseconds(5));
    }
    return false;
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

}  // namespace heddle::node::forwarder
