// Any bytes as an answer of heddle-forwarder. Listeners and tunnels that are accepted must come
// back equal; what is refused leaves nothing behind, and says why.
#include <cstdint>
#include <cstdlib>

#include "node/dataplane/forwarder_change.h"
#include "node/dataplane/forwarder_codec.h"
#include "node/state/link_names.h"

namespace heddle::node {
namespace {

void CheckState(const control::State& said) {
  NetworkState state;
  const absl::Status status = Decode(said, kUdpLinkName, &state);
  HoldingOf(said);
  if (!status.ok()) {
    if (status.message().empty() || !state.empty()) std::abort();
    return;
  }
  control::State again;
  for (const auto& [key, listener] : state.udp_listeners) {
    Encode(listener, 1, again.add_listeners());
  }
  for (const auto& [key, tunnel] : state.udp_tunnels) Encode(key, tunnel, again.add_tunnels());
  NetworkState back;
  if (!Decode(again, kUdpLinkName, &back).ok() || !(back == state)) std::abort();
}

}  // namespace
}  // namespace heddle::node

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  heddle::node::control::Answer answer;
  if (answer.ParseFromArray(bytes, static_cast<int>(size))) {
    heddle::node::CheckState(answer.state());
  }
  return 0;
}
