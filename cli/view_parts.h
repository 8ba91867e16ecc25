// What several views are made of.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "api/convert.h"
#include "api/peer.h"
#include "base/status_macros.h"
#include "cli/json.h"

namespace heddle::cli {

// What Lease and Peer messages have in common, checked.
struct Holding {
  PerFamily<Prefix> subnets;
  PerFamily<Prefix> draining_subnets;
  std::optional<Advertisement> advertisement;
};

absl::StatusOr<PerFamily<Prefix>> SubnetsOf(const v1::Prefix* ipv4, const v1::Prefix* ipv6);

// `Message` has the fields ipv4_subnet, ipv6_subnet, the draining ones, and advertisement.
template <typename Message>
absl::StatusOr<Holding> HoldingOf(const Message& message) {
  Holding holding;
  HEDDLE_ASSIGN_OR_RETURN(holding.subnets,
                          SubnetsOf(message.has_ipv4_subnet() ? &message.ipv4_subnet() : nullptr,
                                    message.has_ipv6_subnet() ? &message.ipv6_subnet() : nullptr));
  HEDDLE_ASSIGN_OR_RETURN(holding.draining_subnets, DrainingFromProto(message));
  if (message.has_advertisement()) {
    HEDDLE_ASSIGN_OR_RETURN(holding.advertisement, FromProto(message.advertisement()));
  }
  return holding;
}

// The values of both families, "," between them; "" when there is none.
template <typename T>
std::string Joined(const PerFamily<T>& values) {
  std::vector<std::string> texts;
  values.ForEach([&](Family, const T& value) { texts.push_back(value.ToString()); });
  return absl::StrJoin(texts, ",");
}

template <typename T>
Json JsonOf(const std::optional<T>& value) {
  return value ? Json(value->ToString()) : Json(nullptr);
}

std::string SubnetsText(const Holding& holding);  // "10.60.1.0/24 leaving 10.3.1.0/24"
std::string PublicAddressText(const Holding& holding);
std::string VtepMacText(const Holding& holding);  // "" with backends that have none
std::string BackendText(const Holding& holding);

// Adds ipv4Subnet, ipv6Subnet, the draining ones, publicIpv4, publicIpv6, backendType and vtepMac.
void AddHolding(const Holding& holding, Json* json);

// A time of the wire (milliseconds since the epoch, 0: none) as text, or null.
Json TimeJson(std::int64_t unix_ms);

// "in 3h2m", or "now" when it has passed.
std::string DeadlineText(absl::Time time, absl::Time now);

}  // namespace heddle::cli
