#include "node/dataplane/forwarder/trains.h"

namespace heddle::node::forwarder {
namespace {

iovec ToIovec(absl::Span<const std::uint8_t> bytes) {
  return {const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
}

}  // namespace

Train& Trains::TrainFor(const Endpoint* to, std::size_t bytes) {
  for (std::size_t i = used_; i-- > 0;) {
    Train& train = trains_[i];
    if (train.to != to) continue;
    const bool fits =
        !train.is_full && bytes <= train.datagram_bytes && train.bytes + bytes <= kMaxBytes;
    if (fits) return train;
    break;
  }
  if (used_ == trains_.size()) trains_.emplace_back();
  Train& train = trains_[used_++];
  train.to = to;
  train.address = ToSocketAddress(to->address, to->port);
  train.pieces.clear();
  train.datagrams = 0;
  train.datagram_bytes = bytes;
  train.bytes = 0;
  train.is_full = false;
  return train;
}

void Trains::Add(const Endpoint* to, const Pieces& datagram) {
  const std::size_t bytes = datagram.size();
  if (bytes == 0) return;
  Train& train = TrainFor(to, bytes);
  if (!datagram.header.empty()) train.pieces.push_back(ToIovec(datagram.header));
  if (!datagram.payload.empty()) train.pieces.push_back(ToIovec(datagram.payload));
  ++train.datagrams;
  train.bytes += bytes;
  train.is_full = bytes < train.datagram_bytes || train.datagrams == kMaxDatagrams;
}

}  // namespace heddle::node::forwarder
