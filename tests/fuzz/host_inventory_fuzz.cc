// Any bytes as what the kernel says of the host: its links, addresses and routes.
#include "node/host/inventory_decode.h"
#include "tests/fuzz/fuzz.h"

namespace heddle::node {
namespace {

void CheckInventory(const std::string& bytes) {
  absl::string_view datagram = bytes;
  while (const auto message = TakeMessage(&datagram)) {
    DecodeHostLink(*message);
    DecodeHostAddress(*message);
    DecodeHostRoutes(*message);
  }
}

}  // namespace
}  // namespace heddle::node

HEDDLE_FUZZ(heddle::node::CheckInventory)
