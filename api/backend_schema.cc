#include "api/backend_schema.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/wireguard_key.h"

namespace heddle {
namespace {

constexpr std::size_t kLongestWord = 64;  // no key is longer; bounds the work on hostile input

std::string MacPrefixObjection(absl::string_view value) {
  if (value.empty()) return "";
  bool shape_ok = value.size() == 5 || value.size() == 8;
  for (std::size_t i = 0; shape_ok && i < value.size(); ++i) {
    shape_ok = i % 3 == 2 ? value[i] == '-' || value[i] == ':' : absl::ascii_isxdigit(value[i]);
  }
  if (!shape_ok) return "must be two or three bytes such as 0E-2A";
  const char low_digit = absl::ascii_tolower(value[1]);
  const int low_bits = absl::ascii_isdigit(low_digit) ? low_digit - '0' : low_digit - 'a' + 10;
  return low_bits & 1 ? "must not be a multicast prefix (its first byte must be even)" : "";
}

std::string PskObjection(absl::string_view value) {
  return value.size() >= 96 ? "" : "must be set, to at least 96 characters";
}

std::string WireguardPskObjection(absl::string_view value) {
  if (value.empty() || WireguardKey::Parse(value).ok()) return "";
  return "must be a key as 'wg genpsk' prints it, 44 characters of base64, or empty";
}

std::string WireguardModeObjection(absl::string_view value) {
  for (absl::string_view mode : {"separate", "auto", "ipv4", "ipv6"}) {
    if (value == mode) return "";
  }
  return "must be one of separate, auto, ipv4 and ipv6";
}

OptionSchema Flag(std::string key, std::string meaning, bool value = false) {
  return {std::move(key), value, std::move(meaning)};
}

OptionSchema Integer(std::string key, std::int64_t value, std::int64_t minimum,
                     std::int64_t maximum, std::string meaning) {
  return {std::move(key), value, std::move(meaning), minimum, maximum, /*zero_is_default=*/true};
}

OptionSchema Text(std::string key, std::string value, std::string meaning,
                  std::string (*objection)(absl::string_view) = nullptr) {
  return {std::move(key), std::move(value), std::move(meaning), 0, 0, false, objection};
}

OptionSchema Secret(std::string key, std::string meaning,
                    std::string (*objection)(absl::string_view)) {
  return {std::move(key), std::string(), std::move(meaning), 0, 0,
          false,          objection,     /*is_secret=*/true};
}

OptionSchema Port(std::string key, std::int64_t value) {
  return Integer(std::move(key), value, 1, 65535,
                 "UDP port that carries the packets between hosts.");
}

OptionSchema Mtu(std::string what_is_subtracted) {
  return Integer("MTU", 0, 576, 65535,
                 absl::StrCat("MTU of the underlay in bytes, from which the ", what_is_subtracted,
                              " is subtracted; 0 takes that of the host's interface."));
}

OptionSchema DirectRouting() {
  return Flag("DirectRouting", "Plain routes, without encapsulation, to hosts on the same link.");
}

std::vector<BackendSchema> BuiltBackends() {
  OptionSchema vni = Integer("VNI", 1, 1, 16777215, "VXLAN network identifier.");
  vni.zero_is_default = false;
  return {
      {"vxlan",
       true,
       "Encapsulates pod packets in VXLAN; works on any IP network.",
       {vni, Port("Port", 8472), Mtu("encapsulation"),
        Flag("GBP", "Turns on the Group Based Policy extension of VXLAN."),
        Flag("Learning", "Lets the device learn Ethernet addresses from the packets it receives."),
        DirectRouting(),
        Flag("ChecksumOffload",
             "Leaves the inner checksums of TCP and UDP to the device; false has them computed "
             "before, for hosts whose kernel or network card gets them wrong.",
             true),
        Text("MacPrefix", "",
             "First two or three bytes of the device's Ethernet address, such as 0E-2A; empty for "
             "a locally administered address derived whole from the node's id.",
             MacPrefixObjection)}},
      {"host-gw", true, "Plain routes through the hosts' addresses; all hosts on one link.", {}},
      {"ipip",
       true,
       "Encapsulates IPv4 pod packets in IPv4: the smallest header.",
       {DirectRouting()},
       /*ipv4_only=*/true},
      {"wireguard",
       true,
       "Encrypts pod packets with WireGuard; works on any IP network.",
       {Secret(
            "PSK",
            "Key that all hosts share besides their own pairs, 44 characters of base64; empty for "
            "none.",
            WireguardPskObjection),
        Port("ListenPort", 51820), Port("ListenPortV6", 51821), Mtu("overhead"),
        Integer("PersistentKeepaliveInterval", 0, 1, 65535,
                "Seconds between keep-alive packets; 0 sends none."),
        Text("Mode", "separate",
             "Which underlay carries pods: separate (each family its own), auto, ipv4 or ipv6.",
             WireguardModeObjection)},
       /*ipv4_only=*/false,
       /*agrees_on_keys=*/true},
      {"udp",
       true,
       "Carries pod packets in UDP datagrams through a program; for hosts without VXLAN.",
       {Port("Port", 8285)}},
      {"alloc", true, "Allocates subnets and programs nothing.", {}},
      {"extension",
       true,
       "Runs commands of the administrator's on start and for each peer.",
       {Text("PreStartupCommand", "", "Runs before the lease is asked for."),
        Text("PostStartupCommand", "", "Runs once the lease is held."),
        Text("SubnetAddCommand", "", "Runs for each peer that joins."),
        Text("SubnetRemoveCommand", "", "Runs for each peer that leaves."),
        Text("ShutdownCommand", "", "Accepted, as flannel's samples have it; never run.")}},
  };
}

std::vector<BackendSchema> KnownBackends() {
  return {
      {"ipsec",
       false,
       "Encrypts pod packets with IPsec ESP tunnels.",
       {Secret("PSK", "Pre-shared key of the cluster, at least 96 characters.", PskObjection),
        Flag("UDPEncap", "Carries ESP in UDP, to pass address translation."),
        Text("ESPProposal", "aes128gcm16-sha256-prfsha256-ecp256",
             "Cipher proposal in strongSwan's spelling.")},
       /*ipv4_only=*/false,
       /*agrees_on_keys=*/true},
  };
}

absl::string_view TypeName(const OptionValue& value) {
  if (std::holds_alternative<bool>(value)) return "true or false";
  return std::holds_alternative<std::int64_t>(value) ? "an integer" : "a string";
}

// What is wrong with `value`, or "". Turns a 0 that stands for the default into it.
std::string Settle(const OptionSchema& option, OptionValue* value) {
  if (value->index() != option.default_value.index()) {
    return absl::StrCat("must be ", TypeName(option.default_value), ", not ", TypeName(*value));
  }
  if (const auto* number = std::get_if<std::int64_t>(value)) {
    if (*number == 0 && option.zero_is_default) {
      *value = option.default_value;
    } else if (*number < option.minimum || *number > option.maximum) {
      return absl::StrCat("must be between ", option.minimum, " and ", option.maximum,
                          option.zero_is_default ? ", or 0 for the default" : "", ", not ",
                          *number);
    }
  }
  if (const auto* text = std::get_if<std::string>(value)) {
    if (text->size() > 4096) return "must be at most 4096 characters long";
    if (option.objection != nullptr) return option.objection(*text);
  }
  return "";
}

absl::Status UnknownWord(absl::string_view what, absl::string_view word,
                         const std::vector<std::string>& candidates) {
  const std::string nearest = NearestWord(word, candidates);
  const std::string known = candidates.empty()
                                ? std::string("none are known")
                                : absl::StrCat("known: ", absl::StrJoin(candidates, ", "));
  return absl::InvalidArgumentError(absl::StrCat(
      what, " '", absl::CEscape(word.substr(0, kLongestWord)), "' is not known",
      nearest.empty() ? "" : absl::StrCat("; did you mean '", nearest, "'?"), " (", known, ")"));
}

std::size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = absl::ascii_tolower(a[i - 1]) == absl::ascii_tolower(b[j - 1]);
      const std::size_t replaced = diagonal + (same ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

const std::vector<BackendSchema>& BackendSchemas() {
  static const auto* const rows = [] {
    auto* all = new std::vector<BackendSchema>(BuiltBackends());
    for (BackendSchema& row : KnownBackends()) all->push_back(std::move(row));
    return all;
  }();
  return *rows;
}

const BackendSchema* FindBackend(absl::string_view type) {
  for (const BackendSchema& row : BackendSchemas()) {
    if (absl::EqualsIgnoreCase(row.type, type)) return &row;
  }
  return nullptr;
}

absl::StatusOr<BackendConfig> CompleteBackend(BackendConfig config) {
  const BackendSchema* schema = FindBackend(config.type);
  if (schema == nullptr) {
    std::vector<std::string> types;
    for (const BackendSchema& row : BackendSchemas()) types.push_back(row.type);
    return UnknownWord("Backend.Type:", config.type, types);
  }
  BackendConfig complete{schema->type, {}};
  for (auto& [key, value] : config.options) {
    const auto option =
        std::find_if(schema->options.begin(), schema->options.end(),
                     [&key = key](const auto& o) { return absl::EqualsIgnoreCase(o.key, key); });
    if (option == schema->options.end()) {
      std::vector<std::string> keys;
      for (const OptionSchema& known : schema->options) keys.push_back(known.key);
      return UnknownWord(absl::StrCat("Backend: the ", schema->type, " option"), key, keys);
    }
    if (!complete.options.emplace(option->key, value).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("Backend.", option->key, ": given twice, in different letter case"));
    }
  }
  for (const OptionSchema& option : schema->options) {
    OptionValue& value = complete.options.emplace(option.key, option.default_value).first->second;
    const std::string objection =
        value == option.default_value && option.objection == nullptr ? "" : Settle(option, &value);
    if (!objection.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("Backend.", option.key, " ", objection));
    }
  }
  return complete;
}

absl::Status RequireBuilt(const BackendConfig& config) {
  const BackendSchema* schema = FindBackend(config.type);
  if (schema != nullptr && schema->built) return absl::OkStatus();
  std::vector<std::string> built;
  for (const BackendSchema& row : BackendSchemas()) {
    if (row.built) built.push_back(row.type);
  }
  return absl::UnimplementedError(
      absl::StrCat("the backend '", config.type,
                   "' is not built yet in this release; set Backend.Type to one that ",
                   "is: ", absl::StrJoin(built, ", ")));
}

std::string NearestWord(absl::string_view word, const std::vector<std::string>& candidates) {
  if (word.empty() || word.size() > kLongestWord) return "";
  std::string nearest;
  std::size_t shortest = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    // A distance as long as the word itself says nothing.
    const std::size_t distance = EditDistance(word, candidate);
    if (distance < shortest && distance < std::max(word.size(), candidate.size())) {
      shortest = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace heddle
