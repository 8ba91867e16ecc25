#include "node/probe/forward_chains.h"

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "node/dataplane/rules_text.h"

namespace heddle::node {
namespace {

using Json = nlohmann::json;

absl::StatusOr<Json> ParseListing(absl::string_view text) {
  Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (json.is_object() && json.contains("nftables") && json["nftables"].is_array()) {
    return json["nftables"];
  }
  return absl::DataLossError("what nft prints is no listing in JSON");
}

std::string TextOf(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

bool IsOurTable(const std::string& name) { return name == kRulesTable; }

// nft's prefix: {"prefix": {"addr": "10.0.0.0", "len": 8}}.
bool OverlapsPrefix(const Json& prefix, const Prefix& pods) {
  if (!prefix.is_object() || !prefix.contains("len") || !prefix["len"].is_number_integer()) {
    return false;
  }
  const auto parsed =
      Prefix::Parse(absl::StrCat(TextOf(prefix, "addr"), "/", prefix["len"].get<int>()));
  return parsed.ok() && parsed->Overlaps(pods);
}

bool NamesPods(const std::string& text, const Prefix& pods) {
  if (absl::StartsWith(text, "heddle") || absl::StartsWith(text, "cni")) return true;
  const auto prefix = Prefix::Parse(text);
  return prefix.ok() && prefix->Overlaps(pods);
}

// Whether any value in `json`, however deep, is about the pods. A set by name may be.
bool Names(const Json& json, const Prefix& pods) {
  if (json.is_string()) {
    const std::string text = json.get<std::string>();
    return absl::StartsWith(text, "@") || NamesPods(text, pods);
  }
  if (!json.is_structured()) return false;
  for (const auto& [key, value] : json.items()) {
    if (key == "prefix" && OverlapsPrefix(value, pods)) return true;
    if (Names(value, pods)) return true;
  }
  return false;
}

// A rule's statements: {"match": ...}, {"counter": ...}, {"accept": null}.
bool Accepts(const Json& statements, const Prefix& pods) {
  bool accepts = false, matches = false, names = false;
  for (const Json& statement : statements) {
    if (!statement.is_object()) continue;
    accepts |= statement.contains("accept");
    if (statement.contains("match")) {
      matches = true;
      names |= Names(statement["match"], pods);
    }
    matches |= statement.contains("xt");  // an iptables extension: it may match anything
  }
  return accepts && (names || !matches);
}

}  // namespace

absl::StatusOr<std::vector<ForwardChain>> DroppingForwardChains(absl::string_view chains_json) {
  const absl::StatusOr<Json> listing = ParseListing(chains_json);
  if (!listing.ok()) return listing.status();
  std::vector<ForwardChain> chains;
  for (const Json& entry : *listing) {
    if (!entry.is_object() || !entry.contains("chain") || !entry["chain"].is_object()) continue;
    const Json& chain = entry["chain"];
    ForwardChain found{TextOf(chain, "family"), TextOf(chain, "table"), TextOf(chain, "name")};
    const bool drops = TextOf(chain, "hook") == "forward" && TextOf(chain, "policy") == "drop";
    const bool sees = found.Sees(Family::kV4) || found.Sees(Family::kV6);
    if (drops && sees && !IsOurTable(found.table)) chains.push_back(std::move(found));
  }
  return chains;
}

absl::StatusOr<bool> AcceptsPods(absl::string_view table_json, const Prefix& pods) {
  const absl::StatusOr<Json> listing = ParseListing(table_json);
  if (!listing.ok()) return listing.status();
  for (const Json& entry : *listing) {
    if (!entry.is_object() || !entry.contains("rule") || !entry["rule"].is_object()) continue;
    const Json& rule = entry["rule"];
    if (rule.contains("expr") && rule["expr"].is_array() && Accepts(rule["expr"], pods)) {
      return true;
    }
  }
  return false;
}

}  // namespace heddle::node
