#include "cli/view_parts.h"

#include "absl/strings/str_cat.h"
#include "cli/text.h"

namespace heddle::cli {

absl::StatusOr<PerFamily<Prefix>> SubnetsOf(const v1::Prefix* ipv4, const v1::Prefix* ipv6) {
  PerFamily<Prefix> subnets;
  for (const v1::Prefix* message : {ipv4, ipv6}) {
    if (message == nullptr) continue;
    HEDDLE_ASSIGN_OR_RETURN(const Prefix subnet, FromProto(*message));
    subnets[subnet.family()] = subnet;
  }
  return subnets;
}

std::string SubnetsText(const Holding& holding) {
  const std::string subnets = Joined(holding.subnets);
  if (holding.draining_subnets.empty()) return subnets;
  return absl::StrCat(subnets, " leaving ", Joined(holding.draining_subnets));
}

std::string PublicAddressText(const Holding& holding) {
  return holding.advertisement ? Joined(holding.advertisement->public_address) : "";
}

std::string VtepMacText(const Holding& holding) {
  if (!holding.advertisement || holding.advertisement->vtep_mac.is_zero()) return "";
  return holding.advertisement->vtep_mac.ToString();
}

std::string BackendText(const Holding& holding) {
  return holding.advertisement ? holding.advertisement->backend_type : "";
}

void AddHolding(const Holding& holding, Json* json) {
  const auto text_or_null = [](std::string text) {
    return text.empty() ? Json(nullptr) : Json(std::move(text));
  };
  const Advertisement none;
  const Advertisement& advertisement = holding.advertisement ? *holding.advertisement : none;
  (*json)["ipv4Subnet"] = JsonOf(holding.subnets[Family::kV4]);
  (*json)["ipv6Subnet"] = JsonOf(holding.subnets[Family::kV6]);
  (*json)["drainingIpv4Subnet"] = JsonOf(holding.draining_subnets[Family::kV4]);
  (*json)["drainingIpv6Subnet"] = JsonOf(holding.draining_subnets[Family::kV6]);
  (*json)["publicIpv4"] = JsonOf(advertisement.public_address[Family::kV4]);
  (*json)["publicIpv6"] = JsonOf(advertisement.public_address[Family::kV6]);
  (*json)["backendType"] = text_or_null(BackendText(holding));
  (*json)["vtepMac"] = text_or_null(VtepMacText(holding));
}

Json TimeJson(std::int64_t unix_ms) {
  return unix_ms == 0 ? Json(nullptr) : Json(TimeText(absl::FromUnixMillis(unix_ms)));
}

std::string DeadlineText(absl::Time time, absl::Time now) {
  return time <= now ? "now" : absl::StrCat("in ", AgeText(time - now));
}

}  // namespace heddle::cli
