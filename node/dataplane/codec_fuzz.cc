// Every decoder of what the kernel says, on arbitrary bytes.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "node/dataplane/codec/codec.h"
#include "node/dataplane/codec/wireguard.h"
#include "node/dataplane/rules_text.h"
#include "node/dataplane/watch_filter.h"

namespace heddle::node {
namespace {

// What decodes encodes to something that decodes to the same. Some have no footing, which the
// kernel would refuse; and what we never make decodes to an empty value, which has no encoding.
template <typename Key, typename Value, typename Decode>
void CheckRoundTrip(const std::optional<std::pair<Key, Value>>& object, const LinkNames& names,
                    Decode decode) {
  if (!object || Footing(object->first, object->second) != "heddle.1") return;
  MessageBuilder builder;
  Encode(Operation::Kind::kAdd, object->first, object->second, 4, &builder);
  absl::string_view bytes = builder.bytes();
  const auto message = TakeMessage(&bytes);
  if (!message) abort();
  const auto again = decode(*message, names);
  if (!again || again->first != object->first || again->second != object->second) abort();
}

void Decode(const Message& message) {
  // As in the corpus.
  const LinkNames names = {{3, "eth0"}, {4, "heddle.1"}, {5, "heddle6.1"}};
  DecodeLinkName(message);
  DecodeLink(message, names);
  DecodeNeighbourKey(message, names);
  CheckRoundTrip(DecodeAddress(message, names), names, DecodeAddress);
  CheckRoundTrip(DecodeNeighbour(message, names), names, DecodeNeighbour);
  CheckRoundTrip(DecodeFdb(message, names), names, DecodeFdb);
  CheckRoundTrip(DecodeNexthop(message, names), names, DecodeNexthop);
  const auto route = DecodeRoute(message, names);
  const auto* via = route ? std::get_if<RouteVia>(&route->second.via) : nullptr;
  if (via == nullptr || via->gateway.family() == route->first.destination.family()) {
    CheckRoundTrip(route, names, DecodeRoute);
  }
}

// As in the corpus. Any number will do for the family.
constexpr std::uint16_t kWireguardFamily = 31;

// All messages of the input as one dump, and then each of its peers encoded and decoded again.
void DecodeDump(absl::string_view input) {
  const absl::Time now = absl::FromUnixSeconds(1'790'000'000);
  WireguardDump dump;
  while (const auto message = TakeMessage(&input)) {
    DecodeFamily(*message);
    DecodeWireguard(*message, kWireguardFamily, now, &dump);
  }
  NetworkState state;
  dump.MoveTo("heddle.wg", &state);
  for (const auto& [key, peer] : state.wireguard_peers) {
    if (peer.allowed.size() > kMaxAllowedPrefixes) continue;
    MessageBuilder builder;
    Encode(kWireguardFamily, Operation::Kind::kAdd, key, peer, &builder);
    absl::string_view bytes = builder.bytes();
    WireguardDump again;
    const auto message = TakeMessage(&bytes);
    if (!message) abort();
    DecodeWireguard(*message, kWireguardFamily, now, &again);
    NetworkState copy;
    again.MoveTo("heddle.wg", &copy);
    if (copy.wireguard_peers.size() != 1 ||
        *copy.wireguard_peers.begin() != *state.wireguard_peers.find(key))
      abort();
  }
}

}  // namespace
}  // namespace heddle::node

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace heddle::node;
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  WatchFilter filter;
  WatchInterest interest;
  interest.own_port = 7;
  interest.underlay_link = "eth0";
  filter.Start(interest);
  absl::string_view datagram = input;
  while (const auto message = TakeMessage(&datagram)) {
    Decode(*message);
    filter.ConcernsRoute(*message);
    filter.ConcernsNetfilter(*message);
  }
  DecodeDump(input);
  for (heddle::Family family : heddle::kFamilies) ParseRules(family, input);
  return 0;
}
