// A packet as coalescing sees it: which flow it is of, and whether it may continue another one.
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "node/dataplane/forwarder/packet.h"

namespace heddle::node::forwarder {

struct Candidate {
  enum class Kind {
    kForeign,  // ICMP, of no such flow
    kOpaque,   // of any flow between its addresses: a fragment, with IP options or extensions, ...
    kAlone,    // of a flow, and never in a frame with others: SYN, FIN, a pure acknowledgement, ...
    kSegment,  // may be in a frame with others
  };
  Packet packet;
  Kind kind = Kind::kForeign;
  std::size_t header_bytes = 0;  // of a segment: IP and TCP or UDP

  std::size_t payload_bytes() const { return packet.bytes.size() - header_bytes; }
  absl::Span<std::uint8_t> transport() const { return packet.bytes.subspan(packet.header_bytes); }
  // PSH: the receiver is to have what came so far at once.
  bool pushes() const;
};

Candidate Examine(const Packet& packet);

bool HaveSameAddresses(const Packet& a, const Packet& b);
// Not of foreign or opaque ones.
bool AreOfOneFlow(const Candidate& a, const Candidate& b);

// A number that packets of one flow have in common, and others seldom. Not of foreign or opaque
// ones.
std::uint64_t FlowTag(const Candidate& candidate);

// Whether the segment `next`, of the same flow, may follow `packets` segments that begin with
// `first`, all with as much payload as it. Checksums are not looked at.
bool Continues(const Candidate& first, std::size_t packets, const Candidate& next);

// Of a segment: that of its IPv4 header, too.
bool HasRightChecksums(const Candidate& segment);

}  // namespace heddle::node::forwarder
