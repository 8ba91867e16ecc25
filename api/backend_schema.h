// The backends by name, with their options: one row per backend, one row per option. net-conf.json
// parsing, the check of what arrives over the wire, and the manual all read this one table.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/network.h"

namespace heddle {

struct OptionSchema {
  std::string key;                        // as flannel spells it: "VNI", "DirectRouting"
  OptionValue default_value;              // its alternative is the option's type
  std::string meaning;                    // one sentence, with the unit
  std::int64_t minimum = 0, maximum = 0;  // integers only, inclusive
  bool zero_is_default = false;           // integers: 0 is accepted too and becomes the default
  // Texts only: what is wrong with a value, worded to follow the key ("must be ..."), or "".
  std::string (*objection)(absl::string_view value) = nullptr;
  bool is_secret = false;  // a text that only nodes and backups are told
};

struct BackendSchema {
  std::string type;   // lower case
  bool built = true;  // false: known from flannel, not in this release
  std::string meaning;
  std::vector<OptionSchema> options;
  bool ipv4_only = false;  // refused for a network with an IPv6 range
  // Two hosts agree on keys before the first packet passes between them, which takes a moment.
  bool agrees_on_keys = false;
};

// All backends that flannel has on Linux; stable order.
const std::vector<BackendSchema>& BackendSchemas();

// The row for `type` in any letter case, or nullptr.
const BackendSchema* FindBackend(absl::string_view type);

// `config` with defaults filled in. InvalidArgument: unknown type or key (with the nearest known
// one suggested), wrong type, out of bounds. A backend that is known but not built is accepted here
// and refused by RequireBuilt, so that its configuration can be checked before it exists.
absl::StatusOr<BackendConfig> CompleteBackend(BackendConfig config);

// Unimplemented, naming the backend and what to use instead, when this release lacks it.
absl::Status RequireBuilt(const BackendConfig& config);

// The candidate nearest to `word` by edit distance in any letter case, or "" when none is near.
std::string NearestWord(absl::string_view word, const std::vector<std::string>& candidates);

}  // namespace heddle
