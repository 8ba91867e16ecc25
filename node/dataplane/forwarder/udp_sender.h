// Sends trains of datagrams through a UDP socket, with as few system calls as the kernel lets it.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "node/dataplane/forwarder/counters.h"
#include "node/dataplane/forwarder/features.h"
#include "node/dataplane/forwarder/trains.h"

namespace heddle::node::forwarder {

// Used by one worker. Borrows the descriptor, which is non-blocking.
class UdpSender {
 public:
  // `features`: what of gso and mmsg may be used.
  UdpSender(int fd, const Features& features, Counters* counters);

  // Sends the trains, whose bytes stay until all is sent or dropped. False: the socket's buffer is
  // full, and Resume is to be called a little later; until it returns true nothing else is sent.
  bool Send(absl::Span<const Train> trains);
  bool Resume();
  // Counts what was not sent as dropped.
  void GiveUp();

  // False once the kernel has said that UDP_SEGMENT does not work on the way out of this host
  // (IPsec, a device that can sum nothing); each datagram is sent by itself from then on.
  // Told to any thread.
  bool uses_gso() const { return uses_gso_.load(std::memory_order_relaxed); }

 private:
  // What sendmsg takes: a train, or one datagram of it.
  struct Message {
    const Train* train;
    absl::Span<const iovec> pieces;
    std::size_t datagrams;
    std::size_t bytes;
  };
  // What may be done about a message that was refused.
  enum class Remedy { kWait, kRepeat, kSendApart, kDrop };

  static void AppendDatagrams(const Train& train, std::vector<Message>* messages);
  // How many of the next ones; 0 with errno.
  std::size_t SendSome();
  void CountSent(absl::Span<const Message> messages);
  void Fill(const Message& message, std::size_t slot);
  Remedy RemedyFor(int error, const Message& message);
  // Puts the datagrams of the next message in its place.
  void TakeApart();

  const int fd_;
  const bool uses_mmsg_;
  std::atomic<bool> uses_gso_;
  Counters* const counters_;
  int repeats_left_ = 0;  // of this Send

  struct alignas(cmsghdr) Control {
    char bytes[CMSG_SPACE(sizeof(std::uint16_t))];
  };
  std::vector<Message> messages_, apart_;
  std::size_t next_ = 0;  // of messages_
  std::vector<mmsghdr> headers_;
  std::vector<Control> controls_;
};

}  // namespace heddle::node::forwarder
