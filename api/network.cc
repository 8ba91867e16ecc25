#include "api/network.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "base/status_macros.h"

namespace heddle {
namespace {

constexpr int kMaxSubnetNumberBits = 29;

template <typename... Parts>
absl::Status Wrong(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

template <typename T>
T OptionOr(const std::map<std::string, OptionValue>& options, absl::string_view key, T fallback) {
  const auto found = options.find(std::string(key));
  if (found == options.end()) return fallback;
  const T* value = std::get_if<T>(&found->second);
  return value == nullptr ? fallback : *value;
}

absl::Status ValidateLength(Family family, const Range& range) {
  const int longest = BitsOf(family) - 2, shortest = range.network.length() + 2;
  const std::string key = RangeKey(family, "SubnetLen");
  if (shortest > longest) {
    return Wrong(RangeKey(family, "Network"), ": ", range.network.ToString(),
                 " is too small for four subnets; the smallest network that can be used is a /",
                 longest - 2);
  }
  if (range.subnet_length < shortest || range.subnet_length > longest) {
    return Wrong(key, ": ", range.subnet_length, " does not fit ", RangeKey(family, "Network"), " ",
                 range.network.ToString(), "; it must be between ", shortest,
                 " (at least four subnets) and ", longest);
  }
  return absl::OkStatus();
}

absl::Status ValidateBound(Family family, const Range& range, absl::string_view name,
                           const Ip& bound) {
  const std::string key = RangeKey(family, name);
  if (bound.family() != family) {
    return Wrong(key, ": ", bound.ToString(), " is not an ", FamilyName(family), " address");
  }
  if (!range.network.Contains(bound)) {
    return Wrong(key, ": ", bound.ToString(), " lies outside ", RangeKey(family, "Network"), " ",
                 range.network.ToString());
  }
  const Prefix subnet(bound, range.subnet_length);
  if (subnet.base() != bound) {
    const absl::uint128 step = absl::uint128(1) << (BitsOf(family) - range.subnet_length);
    const bool upper_is_nearer = bound.number() - subnet.base().number() > step / 2 &&
                                 range.network.Contains(subnet.at(step));
    return Wrong(key, ": ", bound.ToString(), " is not the first address of a /",
                 range.subnet_length, " subnet; the nearest one is ",
                 (upper_is_nearer ? subnet.at(step) : subnet.base()).ToString());
  }
  return absl::OkStatus();
}

absl::Status ValidateRange(Family family, const Range& range) {
  if (range.network.family() != family) {
    return Wrong(RangeKey(family, "Network"), ": ", range.network.ToString(), " is not an ",
                 FamilyName(family), " prefix");
  }
  HEDDLE_RETURN_IF_ERROR(ValidateLength(family, range));
  HEDDLE_RETURN_IF_ERROR(ValidateBound(family, range, "SubnetMin", range.subnet_min));
  HEDDLE_RETURN_IF_ERROR(ValidateBound(family, range, "SubnetMax", range.subnet_max));
  if (range.subnet_max < range.subnet_min) {
    return Wrong(RangeKey(family, "SubnetMin"), ": ", range.subnet_min.ToString(), " is above ",
                 RangeKey(family, "SubnetMax"), " ", range.subnet_max.ToString());
  }
  const int shift = BitsOf(family) - range.subnet_length;
  const absl::uint128 offset = range.subnet_max.number() - range.network.base().number();
  if ((offset >> shift) >> kMaxSubnetNumberBits != 0) {
    const absl::uint128 highest = ((absl::uint128(1) << kMaxSubnetNumberBits) - 1) << shift;
    return Wrong(RangeKey(family, "SubnetMax"), ": ", range.subnet_max.ToString(),
                 " is more than 2^", kMaxSubnetNumberBits, " subnets above ",
                 RangeKey(family, "Network"), " ", range.network.ToString(), "; set ",
                 RangeKey(family, "SubnetMax"), " to ", range.network.at(highest).ToString(),
                 " or lower");
  }
  return absl::OkStatus();
}

absl::Status ValidateDraining(const Network& network) {
  for (Family family : kFamilies) {
    const auto& draining = network.draining[family];
    if (!draining) continue;
    HEDDLE_RETURN_IF_ERROR(ValidateRange(family, *draining));
    const auto& range = network.ranges[family];
    if (range && !range->network.Overlaps(draining->network)) continue;
    return Wrong(RangeKey(family, "Network"), ": leases have subnets of ",
                 draining->network.ToString(),
                 ", which can only be left for a range that does not overlap it",
                 range ? absl::StrCat("; ", range->network.ToString(), " does") : "");
  }
  return absl::OkStatus();
}

absl::Status ValidateBackend(const Network& network, const BackendConfig& backend) {
  HEDDLE_ASSIGN_OR_RETURN(const BackendConfig complete, CompleteBackend(backend));
  if (FindBackend(backend.type)->ipv4_only && network.ranges[Family::kV6]) {
    return Wrong("Backend: '", backend.type, "' carries IPv4 alone, but IPv6Network is set; set ",
                 "EnableIPv6 to false, or Backend.Type to \"vxlan\"");
  }
  if (complete == backend) return absl::OkStatus();
  return Wrong("Backend: the options of '", backend.type,
               "' are not complete, or not spelled as the schema spells them");
}

}  // namespace

std::uint64_t Range::subnet_count() const {
  if (subnet_max < subnet_min) return 0;
  const absl::uint128 last =
      (subnet_max.number() - subnet_min.number()) >> (BitsOf(network.family()) - subnet_length);
  const absl::uint128 most = std::numeric_limits<std::uint64_t>::max();
  return absl::Uint128Low64(last >= most ? most : last + 1);
}

bool Range::Allows(const Prefix& subnet) const {
  return subnet.family() == network.family() && subnet.length() == subnet_length &&
         !(subnet.base() < subnet_min) && !(subnet_max < subnet.base());
}

bool BackendConfig::Bool(absl::string_view key) const { return OptionOr(options, key, false); }

std::int64_t BackendConfig::Int(absl::string_view key) const {
  return OptionOr(options, key, std::int64_t{0});
}

std::string BackendConfig::Text(absl::string_view key) const {
  return OptionOr(options, key, std::string());
}

const Range* Network::RangeOf(const Prefix& subnet) const {
  for (const PerFamily<Range>* ranges_of : {&ranges, &draining}) {
    const auto& range = (*ranges_of)[subnet.family()];
    if (range && range->network.Contains(subnet)) return &*range;
  }
  return nullptr;
}

bool Network::Allows(const Prefix& subnet) const {
  const auto allows = [&](const std::optional<Range>& range) {
    return range && range->Allows(subnet);
  };
  return allows(ranges[subnet.family()]) || allows(draining[subnet.family()]);
}

bool Network::IsDraining(const Prefix& subnet) const {
  const auto& range = draining[subnet.family()];
  return range && range->network.Contains(subnet);
}

std::string RangeKey(Family family, absl::string_view key) {
  return absl::StrCat(family == Family::kV4 ? "" : "IPv6", key);
}

absl::Status Validate(const Network& network) {
  if (network.ranges.empty()) {
    return Wrong("Network: neither Network nor IPv6Network is set; one of them is needed");
  }
  for (Family family : kFamilies) {
    if (!network.ranges[family]) continue;
    HEDDLE_RETURN_IF_ERROR(ValidateRange(family, *network.ranges[family]));
  }
  HEDDLE_RETURN_IF_ERROR(ValidateDraining(network));
  HEDDLE_RETURN_IF_ERROR(ValidateBackend(network, network.backend));
  if (!network.standby) return absl::OkStatus();
  if (network.standby->type == network.backend.type) {
    return Wrong("Backend: '", network.backend.type, "' cannot stand by for itself");
  }
  return ValidateBackend(network, *network.standby);
}

}  // namespace heddle
