#include <algorithm>
#include <array>

#include "node/backend/backend.h"
#include "node/backend/rows.h"

namespace heddle::node {

absl::Span<const Backend> Backends() {
  static const auto* const rows =
      new std::array{kVxlanBackend, kHostGwBackend, kIpipBackend,     kWireguardBackend,
                     kUdpBackend,   kAllocBackend,  kExtensionBackend};
  return *rows;
}

const Backend* FindBackend(absl::string_view type) {
  const auto rows = Backends();
  const auto row = std::find_if(rows.begin(), rows.end(),
                                [&](const Backend& backend) { return backend.type == type; });
  return row == rows.end() ? nullptr : &*row;
}

}  // namespace heddle::node
