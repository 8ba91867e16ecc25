// What comes over the control socket, from its bytes to terms that the forwarder acts on.
#include <cstdlib>

#include "node/dataplane/forwarder/change.h"
#include "node/dataplane/forwarder/control_channel.h"

using namespace heddle;
using namespace heddle::node::forwarder;

namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void RequireListener(const ListenerTerms& listener) {
  Require(listener.port != 0);
  Require(listener.sockets >= 0 && listener.sockets <= kMaxWorkers);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  control::Request request;
  if (size == 0 || !request.ParseFromArray(bytes + 1, static_cast<int>(size) - 1)) return 0;
  const std::size_t descriptors = bytes[0];
  const auto terms = CheckChange(request.change(), descriptors);
  if (!terms.ok()) return 0;
  // Whatever was let through is fit for use.
  std::size_t named = 0;
  if (terms->device) {
    Require(!terms->device->name.empty() && terms->device->queues > 0);
    named += static_cast<std::size_t>(terms->device->queues);
  }
  for (const ListenerTerms& listener : terms->listen) {
    RequireListener(listener);
    Require(listener.sockets > 0);
    named += static_cast<std::size_t>(listener.sockets);
  }
  for (const ListenerTerms& listener : terms->readdress) RequireListener(listener);
  Require(named == descriptors);
  std::vector<Prefix> own;
  for (const ListenerTerms& listener : terms->listen) {
    own.insert(own.end(), listener.subnets.begin(), listener.subnets.end());
  }
  const TunnelTable table(terms->set, own);
  for (const Tunnel& tunnel : terms->set) {
    Require(tunnel.endpoint.port != 0);
    Require(table.Find(tunnel.subnet.base()) != nullptr);
  }
  return 0;
}
