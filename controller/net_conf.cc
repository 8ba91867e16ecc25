#include "controller/net_conf.h"

#include <limits>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "base/status_macros.h"
#include "controller/net_conf_json.h"

namespace heddle::controller {
namespace {

using nlohmann::json;

template <typename... Parts>
absl::Status Wrong(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat("net-conf.json: ", parts...));
}

// What is wrong, as found by a part that does not know of files.
absl::Status Wrong(const absl::Status& status) { return Wrong(status.message()); }

absl::Status WrongType(absl::string_view key, absl::string_view expected, const json& value) {
  return Wrong(key, " must be ", expected, ", not ", value.type_name());
}

// One family's keys, as given.
struct FamilyKeys {
  bool enabled = false;
  std::optional<Prefix> network;
  std::optional<int> subnet_length;
  std::optional<Ip> subnet_min, subnet_max;

  bool any() const { return network || subnet_length || subnet_min || subnet_max; }
};

// The whole file, as given.
struct Keys {
  FamilyKeys family[2];
  std::optional<bool> nftables;
  std::optional<BackendConfig> backend;
};

absl::Status ReadBool(const std::string& key, const json& value, bool* out) {
  if (!value.is_boolean()) return WrongType(key, "true or false", value);
  *out = value.get<bool>();
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadText(const std::string& key, absl::string_view expected,
                                     const json& value) {
  if (!value.is_string()) return WrongType(key, expected, value);
  return value.get<std::string>();
}

absl::Status ReadNetwork(Family family, const std::string& key, const json& value,
                         std::optional<Prefix>* out) {
  const std::string expected =
      absl::StrCat("an ", FamilyName(family), " network such as \"",
                   family == Family::kV4 ? "10.3.0.0/16" : "fc00::/48", "\"");
  HEDDLE_ASSIGN_OR_RETURN(const std::string text, ReadText(key, expected, value));
  const auto prefix = Prefix::Parse(text);
  if (!prefix.ok() || prefix->family() != family || !absl::StrContains(text, "/")) {
    return Wrong(key, " must be ", expected, ", not \"", absl::CEscape(text.substr(0, 64)), "\"");
  }
  *out = *prefix;
  return absl::OkStatus();
}

absl::Status ReadAddress(Family family, const std::string& key, const json& value,
                         std::optional<Ip>* out) {
  const std::string expected =
      absl::StrCat("the ", FamilyName(family), " base address of a subnet as a string");
  HEDDLE_ASSIGN_OR_RETURN(const std::string text, ReadText(key, expected, value));
  const auto ip = Ip::Parse(text);
  if (!ip.ok() || ip->family() != family) {
    return Wrong(key, " must be ", expected, ", not \"", absl::CEscape(text.substr(0, 64)), "\"");
  }
  *out = *ip;
  return absl::OkStatus();
}

absl::Status ReadLength(Family family, const std::string& key, const json& value,
                        std::optional<int>* out) {
  if (!value.is_number_unsigned()) return WrongType(key, "a prefix length as an integer", value);
  const std::uint64_t length = value.get<std::uint64_t>();
  if (length > static_cast<std::uint64_t>(BitsOf(family))) {
    return Wrong(key, ": ", length, " is longer than an ", FamilyName(family), " address (",
                 BitsOf(family), " bits)");
  }
  // As in flannel, 0 is the same as leaving it out.
  if (length > 0) *out = static_cast<int>(length);
  return absl::OkStatus();
}

absl::Status ReadOption(const std::string& key, const json& value, OptionValue* out) {
  if (value.is_boolean()) {
    *out = value.get<bool>();
  } else if (value.is_string()) {
    *out = value.get<std::string>();
  } else if (value.is_number_unsigned() &&
             value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max()) {
    return Wrong("Backend.", key, ": ", value.get<std::uint64_t>(), " is too large");
  } else if (value.is_number_integer()) {
    *out = value.get<std::int64_t>();
  } else {
    return WrongType(absl::StrCat("Backend.", key), "true or false, an integer or a string", value);
  }
  return absl::OkStatus();
}

absl::Status ReadBackend(const json& value, std::optional<BackendConfig>* out) {
  if (!value.is_object()) {
    return WrongType("Backend", "an object such as {\"Type\": \"vxlan\"}", value);
  }
  BackendConfig backend;
  for (const auto& [key, option] : value.items()) {
    if (absl::EqualsIgnoreCase(key, "Type")) {
      HEDDLE_ASSIGN_OR_RETURN(backend.type, ReadText("Backend.Type", "a string", option));
    } else {
      const std::string shown = absl::CEscape(absl::string_view(key).substr(0, 64));
      HEDDLE_RETURN_IF_ERROR(ReadOption(shown, option, &backend.options[key]));
    }
  }
  if (backend.type.empty()) {
    return Wrong("Backend.Type is missing; name the backend, such as {\"Type\": \"vxlan\"}");
  }
  auto complete = CompleteBackend(std::move(backend));
  if (!complete.ok()) return Wrong(complete.status());
  *out = *std::move(complete);
  return absl::OkStatus();
}

const std::vector<std::string>& KnownKeys() {
  static const auto* const keys = new std::vector<std::string>{
      "Network",     "SubnetLen",     "SubnetMin",      "SubnetMax",
      "IPv6Network", "IPv6SubnetLen", "IPv6SubnetMin",  "IPv6SubnetMax",
      "EnableIPv4",  "EnableIPv6",    "EnableNFTables", "Backend"};
  return *keys;
}

absl::Status UnknownKey(const std::string& key) {
  if (absl::EqualsIgnoreCase(key, "Networks") || absl::EqualsIgnoreCase(key, "IPv6Networks")) {
    return Wrong(key,
                 " is of flannel's MultiClusterCIDR mode, which Kubernetes and flannel have "
                 "removed; give one range as ",
                 absl::EqualsIgnoreCase(key, "Networks") ? "Network" : "IPv6Network");
  }
  const std::string nearest = NearestWord(key, KnownKeys());
  return Wrong("the key ", absl::CEscape(key.substr(0, 64)), " is not known",
               nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?"));
}

// Reads one of the keys that exist per family; false when `key` is none of them.
absl::StatusOr<bool> ReadFamilyKey(Family family, const std::string& key, const json& value,
                                   FamilyKeys* out) {
  const auto is = [&](absl::string_view name) {
    return absl::EqualsIgnoreCase(key, RangeKey(family, name));
  };
  absl::Status status;
  if (absl::EqualsIgnoreCase(key, absl::StrCat("Enable", FamilyName(family)))) {
    status = ReadBool(absl::StrCat("Enable", FamilyName(family)), value, &out->enabled);
  } else if (is("Network")) {
    status = ReadNetwork(family, RangeKey(family, "Network"), value, &out->network);
  } else if (is("SubnetLen")) {
    status = ReadLength(family, RangeKey(family, "SubnetLen"), value, &out->subnet_length);
  } else if (is("SubnetMin")) {
    status = ReadAddress(family, RangeKey(family, "SubnetMin"), value, &out->subnet_min);
  } else if (is("SubnetMax")) {
    status = ReadAddress(family, RangeKey(family, "SubnetMax"), value, &out->subnet_max);
  } else {
    return false;
  }
  if (!status.ok()) return status;
  return true;
}

absl::Status ReadKey(const std::string& key, const json& value, Keys* keys) {
  for (Family family : kFamilies) {
    HEDDLE_ASSIGN_OR_RETURN(
        const bool read,
        ReadFamilyKey(family, key, value, &keys->family[static_cast<int>(family)]));
    if (read) return absl::OkStatus();
  }
  if (absl::EqualsIgnoreCase(key, "EnableNFTables")) {
    return ReadBool("EnableNFTables", value, &keys->nftables.emplace());
  }
  if (absl::EqualsIgnoreCase(key, "Backend")) return ReadBackend(value, &keys->backend);
  return UnknownKey(key);
}

// The range with flannel's defaults for what is absent; not checked.
Range CompleteRange(const FamilyKeys& keys) {
  Range range;
  range.network = *keys.network;
  const Family family = range.network.family();
  const int usual = family == Family::kV4 ? 24 : 64;
  const int length = range.network.length();
  range.subnet_length = keys.subnet_length.value_or(length <= usual - 2 ? usual : length + 2);
  const Prefix first(range.network.base(), range.subnet_length);
  const Prefix last(range.network.last(), range.subnet_length);
  const Ip second(family, first.last().number() + 1);
  range.subnet_min = keys.subnet_min.value_or(second);
  range.subnet_max = keys.subnet_max.value_or(last.base());
  return range;
}

std::vector<std::string> Notices(const Keys& keys) {
  std::vector<std::string> notices;
  for (Family family : kFamilies) {
    const FamilyKeys& given = keys.family[static_cast<int>(family)];
    if (!given.enabled && given.any()) {
      notices.push_back(absl::StrCat("The ", FamilyName(family), " keys are ignored because Enable",
                                     FamilyName(family), " is false."));
    }
  }
  if (keys.nftables) {
    notices.push_back("EnableNFTables has no effect: rules are always made with nftables.");
  }
  if (!keys.backend) {
    notices.push_back(
        "Backend is absent, which means udp, as in flannel; where the kernels have VXLAN, vxlan is "
        "the better choice: \"Backend\": {\"Type\": \"vxlan\"}.");
  }
  return notices;
}

}  // namespace

absl::StatusOr<ParsedNetConf> ParseNetConf(absl::string_view text) {
  auto tree = ParseStrictJson(text);
  if (!tree.ok()) return Wrong(tree.status());
  if (!tree->is_object()) return WrongType("the file", "one JSON object", *tree);
  Keys keys;
  keys.family[static_cast<int>(Family::kV4)].enabled = true;
  for (const auto& [key, value] : tree->items()) {
    HEDDLE_RETURN_IF_ERROR(ReadKey(key, value, &keys));
  }
  ParsedNetConf parsed;
  for (Family family : kFamilies) {
    const FamilyKeys& given = keys.family[static_cast<int>(family)];
    if (!given.enabled) continue;
    if (!given.network) {
      return Wrong(RangeKey(family, "Network"), " is missing; it is needed because ",
                   FamilyName(family), " is enabled (Enable", FamilyName(family), ")");
    }
    parsed.network.ranges[family] = CompleteRange(given);
  }
  if (parsed.network.ranges.empty()) {
    return Wrong("EnableIPv4 and EnableIPv6 are both false; one of them is needed");
  }
  if (keys.backend) {
    parsed.network.backend = *keys.backend;
  } else {
    HEDDLE_ASSIGN_OR_RETURN(parsed.network.backend, CompleteBackend({"udp", {}}));
  }
  if (absl::Status status = Validate(parsed.network); !status.ok()) return Wrong(status);
  parsed.notices = Notices(keys);
  return parsed;
}

}  // namespace heddle::controller
