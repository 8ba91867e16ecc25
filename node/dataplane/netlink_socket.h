// A netlink socket that asks and waits for the answer: many requests in one system call, and dumps.
//
// Subscribes to nothing; kernel_watch.h does. Owned and called by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "node/dataplane/netlink_endpoint.h"
#include "node/dataplane/netlink_message.h"

namespace heddle::node {

class NetlinkSocket {
 public:
  // A refused request.
  struct Refusal {
    std::size_t message = 0;  // its number in the builder
    int error = 0;            // errno
    std::string text;         // the kernel's own words, else errno's
  };

  // `protocol` is NETLINK_ROUTE and so on. The socket belongs to the calling thread's network
  // namespace. Unavailable, with errno's text, when the kernel refuses.
  static absl::StatusOr<NetlinkSocket> Open(int protocol);

  // Carries out all messages of `requests` in order, in one system call; one that is refused does
  // not stop those after it. Returns the refusals, in order. An error means that the outcome is
  // unknown: look again. Asks for an acknowledgement of the last message only: the kernel reports
  // each refusal anyhow, and a report that it cannot deliver is an error on the socket. Keep the
  // buffer below some 64 KiB, and the messages at 256 or fewer. Changes the flags and numbers in
  // `requests`.
  absl::StatusOr<std::vector<Refusal>> Execute(MessageBuilder* requests);

  // Sends the one message of `request` with NLM_F_DUMP and calls `f` for each answer. A dump that
  // the kernel calls inconsistent is started again, after `restart`; after five times that it is
  // Aborted.
  absl::Status Dump(MessageBuilder* request, const std::function<void()>& restart,
                    const std::function<void(const Message&)>& f);

  // Sends the one message of `request` and calls `f` for its answer. NotFound when the kernel says
  // that there is none.
  absl::Status Get(MessageBuilder* request, const std::function<void(const Message&)>& f);

  // The sender's number that notifications of our own changes carry.
  std::uint32_t port() const { return PortOf(endpoint_); }

 private:
  explicit NetlinkSocket(NetlinkEndpoint endpoint) : endpoint_(std::move(endpoint)) {}

  absl::Status Send(MessageBuilder* requests, std::uint16_t last_flags);
  // One datagram into buffer_.
  absl::StatusOr<absl::string_view> Receive();
  absl::StatusOr<bool> ReceiveDump(const std::function<void(const Message&)>& f);

  NetlinkEndpoint endpoint_;
  std::uint32_t base_ = 1;  // sequence number of message 0 of the present request
  std::uint32_t next_ = 1;
  std::string buffer_;
};

}  // namespace heddle::node
