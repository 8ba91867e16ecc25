#include "node/dataplane/forwarder/udp_sender.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#include <algorithm>

namespace heddle::node::forwarder {
namespace {

// What sendmmsg takes in one call.
constexpr std::size_t kMaxMessages = 1024;
// What earlier datagrams met with on their way may be told more than once.
constexpr int kMaxRepeats = 8;

}  // namespace

UdpSender::UdpSender(int fd, const Features& features, Counters* counters)
    : fd_(fd), uses_mmsg_(features.mmsg), uses_gso_(features.gso), counters_(counters) {
  headers_.resize(kMaxMessages);
  controls_.resize(kMaxMessages);
}

bool UdpSender::Send(absl::Span<const Train> trains) {
  repeats_left_ = kMaxRepeats;
  messages_.clear();
  next_ = 0;
  for (const Train& train : trains) {
    if (uses_gso() || train.datagrams == 1) {
      messages_.push_back({&train, train.pieces, train.datagrams, train.bytes});
    } else {
      AppendDatagrams(train, &messages_);
    }
  }
  return Resume();
}

void UdpSender::AppendDatagrams(const Train& train, std::vector<Message>* messages) {
  const absl::Span<const iovec> pieces(train.pieces);
  std::size_t begin = 0, bytes = 0;
  for (std::size_t end = 0; end < pieces.size();) {
    bytes += pieces[end++].iov_len;
    if (bytes < train.datagram_bytes && end < pieces.size()) continue;
    messages->push_back({&train, pieces.subspan(begin, end - begin), 1, bytes});
    begin = end;
    bytes = 0;
  }
}

bool UdpSender::Resume() {
  while (next_ < messages_.size()) {
    const std::size_t sent = SendSome();
    if (sent > 0) {
      CountSent(absl::MakeConstSpan(messages_).subspan(next_, sent));
      next_ += sent;
      continue;
    }
    switch (RemedyFor(errno, messages_[next_])) {
      case Remedy::kWait:
        return false;
      case Remedy::kRepeat:
        break;
      case Remedy::kSendApart:
        TakeApart();
        break;
      case Remedy::kDrop:
        counters_->Add(Count::kDroppedUnsent, messages_[next_++].datagrams);
        break;
    }
  }
  return true;
}

void UdpSender::GiveUp() {
  for (; next_ < messages_.size(); ++next_) {
    counters_->Add(Count::kDroppedUnsent, messages_[next_].datagrams);
  }
}

void UdpSender::CountSent(absl::Span<const Message> messages) {
  for (const Message& message : messages) {
    counters_->Add(Count::kSentPackets, message.datagrams);
    counters_->Add(Count::kSentBytes, message.bytes);
  }
}

void UdpSender::TakeApart() {
  apart_.clear();
  AppendDatagrams(*messages_[next_].train, &apart_);
  messages_[next_] = apart_[0];
  messages_.insert(messages_.begin() + static_cast<std::ptrdiff_t>(next_) + 1, apart_.begin() + 1,
                   apart_.end());
}

void UdpSender::Fill(const Message& message, std::size_t slot) {
  msghdr& header = headers_[slot].msg_hdr;
  header = {};
  header.msg_name = const_cast<sockaddr_storage*>(&message.train->address.storage);
  header.msg_namelen = message.train->address.length;
  header.msg_iov = const_cast<iovec*>(message.pieces.data());
  header.msg_iovlen = message.pieces.size();
  if (message.datagrams == 1) return;
  header.msg_control = controls_[slot].bytes;
  header.msg_controllen = sizeof(Control);
  cmsghdr* const control = CMSG_FIRSTHDR(&header);
  const auto segment_bytes = static_cast<std::uint16_t>(message.train->datagram_bytes);
  control->cmsg_level = IPPROTO_UDP;
  control->cmsg_type = UDP_SEGMENT;
  control->cmsg_len = CMSG_LEN(sizeof(segment_bytes));
  memcpy(CMSG_DATA(control), &segment_bytes, sizeof(segment_bytes));
}

std::size_t UdpSender::SendSome() {
  counters_->Add(Count::kSystemCallsSend);
  if (!uses_mmsg_) {
    Fill(messages_[next_], 0);
    return sendmsg(fd_, &headers_[0].msg_hdr, MSG_DONTWAIT) >= 0 ? 1 : 0;
  }
  const std::size_t count = std::min(messages_.size() - next_, kMaxMessages);
  for (std::size_t i = 0; i < count; ++i) Fill(messages_[next_ + i], i);
  const int sent = sendmmsg(fd_, headers_.data(), static_cast<unsigned>(count), MSG_DONTWAIT);
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

UdpSender::Remedy UdpSender::RemedyFor(int error, const Message& message) {
  const bool is_whole = message.datagrams > 1;
  switch (error) {
    case EAGAIN:
      return Remedy::kWait;
    case EINTR:
      return Remedy::kRepeat;
    case EIO:
      if (is_whole) uses_gso_.store(false, std::memory_order_relaxed);
      return is_whole ? Remedy::kSendApart : Remedy::kDrop;
    // A route with an MTU below the datagrams': by themselves they are sent in fragments.
    case EINVAL:
    case EMSGSIZE:
      return is_whole ? Remedy::kSendApart : Remedy::kDrop;
    // What an earlier datagram met with on its way is told to whoever comes next.
    case ECONNREFUSED:
    case ECONNRESET:
      return repeats_left_-- > 0 ? Remedy::kRepeat : Remedy::kDrop;
    default:
      return Remedy::kDrop;
  }
}

}  // namespace heddle::node::forwarder
