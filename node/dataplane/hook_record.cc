#include "node/dataplane/hook_record.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "nlohmann/json.hpp"

namespace heddle::node {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;

absl::StatusOr<std::string> TextOf(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) {
    return absl::DataLossError(absl::StrCat("it has no text '", key, "' where one must be"));
  }
  return found->get<std::string>();
}

absl::StatusOr<std::pair<HookKey, Hook>> ToHook(const json& object) {
  if (!object.is_object()) return absl::DataLossError("one of its hooks is not an object");
  HookKey key;
  Hook hook;
  HEDDLE_ASSIGN_OR_RETURN(key.purpose, TextOf(object, "purpose"));
  HEDDLE_ASSIGN_OR_RETURN(hook.run, TextOf(object, "run"));
  HEDDLE_ASSIGN_OR_RETURN(hook.undo, TextOf(object, "undo"));
  HEDDLE_ASSIGN_OR_RETURN(hook.input, TextOf(object, "input"));
  const auto environment = object.find("environment");
  if (environment == object.end() || !environment->is_object()) {
    return absl::DataLossError("a hook has no environment");
  }
  for (const auto& [name, value] : environment->items()) {
    if (!value.is_string()) return absl::DataLossError("a variable of a hook is not a text");
    hook.environment.emplace_back(name, value.get<std::string>());
  }
  return std::make_pair(std::move(key), std::move(hook));
}

}  // namespace

absl::StatusOr<std::string> EncodeHookRecord(const HookRecord& record) {
  json hooks = json::array();
  for (const auto& [key, hook] : record.hooks) {
    json environment = json::object();
    for (const auto& [name, value] : hook.environment) environment[name] = value;
    hooks.push_back({{"purpose", key.purpose},
                     {"run", hook.run},
                     {"undo", hook.undo},
                     {"environment", std::move(environment)},
                     {"input", hook.input}});
  }
  const json document = {
      {"version", kVersion}, {"boot_id", record.boot_id}, {"hooks", std::move(hooks)}};
  try {
    return absl::StrCat(document.dump(1), "\n");
  } catch (const json::exception&) {
    return absl::InvalidArgumentError("a hook has a text that is not UTF-8");
  }
}

absl::StatusOr<HookRecord> DecodeHookRecord(absl::string_view content) {
  const json document = json::parse(content.begin(), content.end(), nullptr,
                                    /*allow_exceptions=*/false);
  if (!document.is_object()) return absl::DataLossError("it is not a JSON object");
  const auto version = document.find("version");
  if (version == document.end() || *version != kVersion) {
    return absl::DataLossError(
        absl::StrCat("it is not of version ", kVersion, ", which this program knows"));
  }
  HookRecord record;
  HEDDLE_ASSIGN_OR_RETURN(record.boot_id, TextOf(document, "boot_id"));
  const auto hooks = document.find("hooks");
  if (hooks == document.end() || !hooks->is_array()) {
    return absl::DataLossError("it has no list of hooks");
  }
  for (const json& object : *hooks) {
    HEDDLE_ASSIGN_OR_RETURN(auto hook, ToHook(object));
    if (!record.hooks.insert(std::move(hook)).second) {
      return absl::DataLossError("it has a hook twice");
    }
  }
  return record;
}

}  // namespace heddle::node
