#include "node/dataplane/forwarder/tun_queue.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

namespace heddle::node::forwarder {

absl::Span<std::uint8_t> TunQueue::Read(std::uint8_t* at, Offload* offload) {
  while (true) {
    counters_->Add(Count::kSystemCallsTunRead);
    const ssize_t got = read(fd_, at - header_bytes_, header_bytes_ + kMaxPacketBytes);
    if (got < 0 && errno == EINTR) continue;
    // Any other error passes, as that of a device that is down.
    if (got < 0 && errno == EBADFD) is_gone_ = true;
    if (got <= static_cast<ssize_t>(header_bytes_)) return {};
    *offload = Offload{};
    memcpy(offload, at - header_bytes_, header_bytes_);
    return {at, static_cast<std::size_t>(got) - header_bytes_};
  }
}

bool TunQueue::Write(const Frame& frame) {
  return Write(header_bytes_ > 0 ? frame.pieces : frame.without_offload());
}

bool TunQueue::Write(absl::Span<const std::uint8_t> packet) {
  Offload nothing;
  const iovec pieces[] = {{&nothing, sizeof(nothing)},
                          {const_cast<std::uint8_t*>(packet.data()), packet.size()}};
  return Write(absl::MakeConstSpan(pieces).subspan(header_bytes_ > 0 ? 0 : 1));
}

bool TunQueue::Write(absl::Span<const iovec> pieces) {
  while (true) {
    counters_->Add(Count::kSystemCallsTunWrite);
    if (writev(fd_, pieces.data(), static_cast<int>(pieces.size())) >= 0) return true;
    if (errno == EINTR) continue;
    if (errno == EBADFD) is_gone_ = true;
    return false;
  }
}

}  // namespace heddle::node::forwarder
