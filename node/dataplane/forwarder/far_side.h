// What the far side of a device gets of frames, and how it is compared with what was sent: for
// tests.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "node/dataplane/forwarder/coalesce.h"
#include "node/dataplane/forwarder/segment.h"

namespace heddle::node::forwarder {

// A frame as the device gets it.
struct Written {
  Offload offload;
  std::string bytes;
  std::size_t packets;
};
std::vector<Written> WrittenOf(absl::Span<const Frame> frames);

std::vector<std::string> PacketsOf(absl::Span<const Pieces> pieces);

// The packets that the frames are cut into again.
std::vector<std::string> CutAgain(const std::vector<Written>& frames);

// Packets by addresses, protocol and ports, and of each flow in their order. What two packets may
// differ in and still be the same is gone from them: the id of IPv4 packets with DF, which says
// nothing, and which of its two zeros a checksum has.
using Streams = std::map<std::string, std::vector<std::string>>;
Streams ByFlow(const std::vector<std::string>& packets);

}  // namespace heddle::node::forwarder
