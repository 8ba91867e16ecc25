#include "node/dataplane/forwarder/udp_receiver.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>

#include <algorithm>

namespace heddle::node::forwarder {
namespace {

// Of long bundles a few are enough for one turn; of short ones it may be all buffers.
constexpr std::size_t kFew = 8;
constexpr std::size_t kLongBytes = 4 << 10;

// What UDP_GRO put together were datagrams of so many bytes; 0: it put together nothing.
std::size_t DatagramBytes(msghdr* header) {
  for (cmsghdr* control = CMSG_FIRSTHDR(header); control != nullptr;
       control = CMSG_NXTHDR(header, control)) {
    if (control->cmsg_level != IPPROTO_UDP || control->cmsg_type != UDP_GRO) continue;
    int bytes;
    memcpy(&bytes, CMSG_DATA(control), sizeof(bytes));
    return static_cast<std::size_t>(std::max(bytes, 0));
  }
  return 0;
}

}  // namespace

ReceiveBuffers::ReceiveBuffers()
    : memory_(new std::uint8_t[kCount * kBytes]),
      headers_(kCount),
      pieces_(kCount),
      senders_(kCount),
      controls_(kCount) {}

void ReceiveBuffers::Prepare(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    pieces_[i] = {at(i), kBytes};
    msghdr& header = headers_[i].msg_hdr;
    header = {};
    header.msg_name = senders_[i].get();
    header.msg_namelen = sizeof(senders_[i].storage);
    header.msg_iov = &pieces_[i];
    header.msg_iovlen = 1;
    header.msg_control = controls_[i].bytes;
    header.msg_controllen = sizeof(Control);
  }
}

Bundle ReceiveBuffers::Read(std::size_t i) {
  Bundle bundle;
  bundle.bytes = {at(i), headers_[i].msg_len};
  if (const auto from = ToIp(senders_[i])) bundle.from = *from;
  bundle.datagram_bytes = DatagramBytes(&headers_[i].msg_hdr);
  if (bundle.datagram_bytes == 0) bundle.datagram_bytes = bundle.bytes.size();
  return bundle;
}

absl::Span<const Bundle> UdpReceiver::Receive(ReceiveBuffers* buffers) {
  bundles_.clear();
  const std::size_t room = uses_mmsg_ ? room_ : 1;
  buffers->Prepare(room);
  counters_->Add(Count::kSystemCallsReceive);
  int got;
  if (uses_mmsg_) {
    got = recvmmsg(fd_, buffers->headers(), static_cast<unsigned>(room), MSG_DONTWAIT, nullptr);
  } else {
    const ssize_t bytes = recvmsg(fd_, &buffers->headers()->msg_hdr, MSG_DONTWAIT);
    buffers->headers()->msg_len = static_cast<unsigned>(std::max<ssize_t>(bytes, 0));
    got = bytes < 0 ? -1 : 1;
  }
  std::size_t longest = 0;
  for (int i = 0; i < got; ++i) {
    bundles_.push_back(buffers->Read(static_cast<std::size_t>(i)));
    longest = std::max(longest, bundles_.back().bytes.size());
  }
  room_ = longest > kLongBytes ? kFew : ReceiveBuffers::kCount;
  return bundles_;
}

}  // namespace heddle::node::forwarder
