// Any bytes as each message of the wire. The first byte chooses the message. What FromProto accepts
// must come back equal after ToProto and FromProto.
#include <cstdint>
#include <cstdlib>

#include "api/convert.h"
#include "api/convert_probe.h"
#include "api/heddle/v1/records.pb.h"
#include "controller/lease_record.h"
#include "storage/store.h"

namespace heddle {
namespace {

template <typename Message>
void RoundTrip(const std::string& bytes) {
  Message message;
  if (!message.ParseFromString(bytes)) return;
  const auto value = FromProto(message);
  if (!value.ok()) {
    if (value.status().message().empty()) std::abort();
    return;
  }
  Message parsed_again;
  if (!parsed_again.ParseFromString(ToProto(*value).SerializeAsString())) std::abort();
  const auto again = FromProto(parsed_again);
  if (!again.ok() || !(*again == *value)) std::abort();
}

void RoundTripLease(const std::string& bytes) {
  v1::LeaseRecord message;
  if (!message.ParseFromString(bytes)) return;
  storage::Record record{"net/_/node/" + message.node_id(), bytes, 1, 1};
  const auto lease = controller::DecodeLease(record);
  if (!lease.ok()) return;
  record.value = controller::EncodeLease(*lease);
  const auto again = controller::DecodeLease(record);
  if (!again.ok() || !(*again == *lease)) std::abort();
}

void RoundTripSubnet(const std::string& bytes) {
  const auto holder = controller::DecodeSubnet({"", bytes, 1, 1});
  if (!holder.ok()) return;
  const auto again = controller::DecodeSubnet({"", controller::EncodeSubnet(*holder), 1, 1});
  if (!again.ok() || again->node_id != holder->node_id ||
      again->resting_until != holder->resting_until) {
    std::abort();
  }
}

void RoundTripNetwork(const std::string& bytes) {
  const auto stored = controller::DecodeNetwork({"", bytes, 1, 1});
  if (!stored.ok()) return;
  const auto again = controller::DecodeNetwork({"", controller::EncodeNetwork(*stored), 1, 1});
  if (!again.ok() || !(again->staged == stored->staged) ||
      again->source_json != stored->source_json ||
      again->net_conf_digest != stored->net_conf_digest) {
    std::abort();
  }
}

}  // namespace
}  // namespace heddle

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace heddle;  // NOLINT
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 10) {
    case 0:
      RoundTrip<v1::Address>(bytes);
      break;
    case 1:
      RoundTrip<v1::Prefix>(bytes);
      break;
    case 2:
      RoundTrip<v1::Network>(bytes);
      break;
    case 3:
      RoundTrip<v1::Advertisement>(bytes);
      break;
    case 4:
      RoundTrip<v1::Peer>(bytes);
      break;
    case 5:
      RoundTripLease(bytes);
      break;
    case 6:
      RoundTripSubnet(bytes);
      break;
    case 7:
      RoundTripNetwork(bytes);
      break;
    case 8:
      RoundTrip<v1::ProbeReport>(bytes);
      break;
    default:
      RoundTrip<v1::ProbeRequest>(bytes);
  }
  return 0;
}
