#include "controller/network_secrets.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <variant>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "base/status_macros.h"
#include "controller/net_conf_json.h"

namespace heddle::controller {
namespace {

using Json = nlohmann::ordered_json;

void Hide(BackendConfig* backend) {
  const BackendSchema* schema = FindBackend(backend->type);
  if (schema == nullptr) return;
  for (const OptionSchema& option : schema->options) {
    const auto found = backend->options.find(option.key);
    if (!option.is_secret || found == backend->options.end()) continue;
    if (found->second != OptionValue(std::string())) found->second = std::string(kHidden);
  }
}

// Calls `visit` with each secret of the backend that has a value.
absl::Status ForEachSecret(
    Json* net_conf,
    const std::function<absl::Status(const BackendSchema&, const OptionSchema&, Json*)>& visit) {
  if (!net_conf->is_object()) return absl::OkStatus();
  for (const auto& item : net_conf->items()) {
    Json& backend = item.value();
    if (!absl::EqualsIgnoreCase(item.key(), "Backend") || !backend.is_object()) continue;
    const BackendSchema* schema = nullptr;
    for (const auto& member : backend.items()) {
      if (absl::EqualsIgnoreCase(member.key(), "Type") && member.value().is_string()) {
        schema = FindBackend(member.value().get_ref<const std::string&>());
      }
    }
    if (schema == nullptr) continue;
    for (const auto& member : backend.items()) {
      Json& value = member.value();
      if (!value.is_string() || value.get_ref<const std::string&>().empty()) continue;
      for (const OptionSchema& option : schema->options) {
        if (!option.is_secret || !absl::EqualsIgnoreCase(member.key(), option.key)) continue;
        HEDDLE_RETURN_IF_ERROR(visit(*schema, option, &value));
      }
    }
  }
  return absl::OkStatus();
}

std::string Text(const Json& json) {
  return json.dump(2, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace

bool IsSecret(absl::string_view backend_type, absl::string_view option) {
  const BackendSchema* schema = FindBackend(backend_type);
  if (schema == nullptr) return false;
  return std::any_of(schema->options.begin(), schema->options.end(),
                     [&](const OptionSchema& row) { return row.is_secret && row.key == option; });
}

Network WithoutSecrets(Network network) {
  Hide(&network.backend);
  if (network.standby) Hide(&*network.standby);
  return network;
}

std::string JsonWithoutSecrets(absl::string_view net_conf_json) {
  // What cannot be read is not shown: it may have a secret anywhere.
  if (net_conf_json.empty()) return "";
  if (!ParseStrictJson(net_conf_json).ok()) return kHidden;
  Json json = Json::parse(std::string(net_conf_json), nullptr, /*allow_exceptions=*/false);
  bool is_hidden = false;
  ForEachSecret(&json, [&](const BackendSchema&, const OptionSchema&, Json* value) {
    *value = kHidden;
    is_hidden = true;
    return absl::OkStatus();
  }).IgnoreError();
  return is_hidden ? Text(json) : std::string(net_conf_json);
}

absl::StatusOr<std::string> JsonWithSecretsOf(const Network* stored,
                                              absl::string_view net_conf_json) {
  if (!absl::StrContains(net_conf_json, kHidden) || !ParseStrictJson(net_conf_json).ok()) {
    return std::string(net_conf_json);
  }
  Json json = Json::parse(std::string(net_conf_json), nullptr, /*allow_exceptions=*/false);
  bool is_filled = false;
  HEDDLE_RETURN_IF_ERROR(ForEachSecret(
      &json, [&](const BackendSchema& schema, const OptionSchema& option, Json* value) {
        if (*value != kHidden) return absl::OkStatus();
        const bool is_stored = stored != nullptr && stored->backend.type == schema.type;
        const std::string secret = is_stored ? stored->backend.Text(option.key) : "";
        if (secret.empty()) {
          return absl::FailedPreconditionError(
              absl::StrCat("Backend.", option.key, " is \"", kHidden, "\", and the network has no ",
                           option.key, " for ", schema.type, " that it could stay: write the key"));
        }
        *value = secret;
        is_filled = true;
        return absl::OkStatus();
      }));
  return is_filled ? Text(json) : std::string(net_conf_json);
}

}  // namespace heddle::controller
