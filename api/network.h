// The cluster network as a plain value: its ranges and its backend. What net-conf.json says once it
// is parsed and checked, and what nodes are told.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/ip.h"

namespace heddle {

// One family's range. Arithmetic and defaults as in flannel; see controller/net_conf.h.
struct Range {
  Prefix network;
  int subnet_length = 0;
  Ip subnet_min, subnet_max;  // base addresses of the first and last subnet, inclusive

  // Number of subnets from subnet_min to subnet_max, saturating at 2^64 - 1.
  std::uint64_t subnet_count() const;
  // Whether a node may be given `subnet`: right length, aligned, within the bounds.
  bool Allows(const Prefix& subnet) const;

  friend bool operator==(const Range& a, const Range& b) {
    return a.network == b.network && a.subnet_length == b.subnet_length &&
           a.subnet_min == b.subnet_min && a.subnet_max == b.subnet_max;
  }
};

using OptionValue = std::variant<bool, std::int64_t, std::string>;

// A backend with every option of its schema (api/backend_schema.h) present.
struct BackendConfig {
  std::string type;
  std::map<std::string, OptionValue> options;

  // The option's value. The schema guarantees presence and type; asking for another is a
  // programming error and gives false / 0 / "".
  bool Bool(absl::string_view key) const;
  std::int64_t Int(absl::string_view key) const;
  std::string Text(absl::string_view key) const;

  friend bool operator==(const BackendConfig& a, const BackendConfig& b) {
    return a.type == b.type && a.options == b.options;
  }
};

struct Network {
  PerFamily<Range> ranges;  // at least one
  BackendConfig backend;    // that carries what nodes send
  // While the backend changes: a second one of another type, kept up beside it for what arrives.
  std::optional<BackendConfig> standby;
  // While the network moves to another range: the one that it leaves. Only with a range of the same
  // family, and without overlap.
  PerFamily<Range> draining;

  // The range, present or draining, that `subnet` is of; nullptr: none.
  const Range* RangeOf(const Prefix& subnet) const;
  // Whether a node may have `subnet`, of the present range or of the one being left.
  bool Allows(const Prefix& subnet) const;
  // Whether `subnet` is of a range that the network leaves.
  bool IsDraining(const Prefix& subnet) const;

  friend bool operator==(const Network& a, const Network& b) {
    return a.ranges == b.ranges && a.backend == b.backend && a.standby == b.standby &&
           a.draining == b.draining;
  }
  friend bool operator!=(const Network& a, const Network& b) { return !(a == b); }
};

// The name of one of the range's keys in net-conf.json: "SubnetMin" is "IPv6SubnetMin" for IPv6.
std::string RangeKey(Family family, absl::string_view key);

// Checks what every holder of a Network relies on, wherever it came from: at least one range; each
// aligned, min <= max, both inside; subnet_length at most 30 / 126 and at least two bits longer
// than the network; at most 2^29 subnets between the network's base and subnet_max (node/backend
// derives nexthop ids from that); backend known with options that fit its schema, and able to carry
// the network's families. InvalidArgument names the key.
absl::Status Validate(const Network& network);

}  // namespace heddle
