#include "node/dataplane/rules_text.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace heddle::node {
namespace {

constexpr char kSet[] = R"(
	set $name {
		type $type
		flags interval
		elements = { $elements }
	}
)";

// In order: what kube-proxy has marked it masquerades itself; traffic between pods is never
// translated; who comes from outside to a pod here keeps its address; pods go out, except to
// multicast; and what this host itself or an outsider sends to a pod elsewhere must be answered
// through this host.
constexpr char kMasqueradeChain[] = R"(
	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		meta mark & 0x00004000 == 0x00004000 return
		$ip saddr @pods $ip daddr @cluster return
		$ip saddr @cluster $ip daddr @pods return
		$ip saddr != @cluster $ip daddr @pods return
		$ip saddr @cluster $ip daddr != $multicast masquerade fully-random
		$ip saddr != @cluster $ip daddr @cluster masquerade fully-random
	}
)";

constexpr char kForwardChain[] = R"(
	chain forward {
		type filter hook forward priority filter; policy accept;
		$ip saddr @cluster accept
		$ip daddr @cluster accept
	}
)";

// A host prefix is listed without its length.
std::string Element(const Prefix& prefix) {
  return prefix.length() == BitsOf(prefix.family()) ? prefix.base().ToString() : prefix.ToString();
}

std::vector<Prefix> WithoutContained(std::vector<Prefix> prefixes) {
  std::sort(prefixes.begin(), prefixes.end());  // what contains comes before what it contains
  std::vector<Prefix> kept;
  for (const Prefix& prefix : prefixes) {
    if (kept.empty() || !kept.back().Contains(prefix)) kept.push_back(prefix);
  }
  return kept;
}

std::string SetText(absl::string_view name, Family family, const std::vector<Prefix>& prefixes) {
  const auto append = [](std::string* out, const Prefix& p) { absl::StrAppend(out, Element(p)); };
  return absl::StrReplaceAll(
      kSet, {{"$name", name},
             {"$type", family == Family::kV4 ? "ipv4_addr" : "ipv6_addr"},
             {"$elements", absl::StrJoin(WithoutContained(prefixes), ", ", append)}});
}

// The elements of set `name` in a listing.
std::vector<Prefix> ElementsOf(absl::string_view name, Family family, absl::string_view listing) {
  std::vector<Prefix> prefixes;
  const std::string start = absl::StrCat("set ", name, " {");
  std::size_t at = listing.find(start);
  if (at == absl::string_view::npos) return prefixes;
  const std::size_t open = listing.find('{', at + start.size());
  const std::size_t close = listing.find('}', at + start.size());
  if (open == absl::string_view::npos || close == absl::string_view::npos || close < open)
    return {};
  for (absl::string_view element :
       absl::StrSplit(listing.substr(open + 1, close - open - 1), ',')) {
    const auto prefix = Prefix::Parse(absl::StripAsciiWhitespace(element));
    if (!prefix.ok() || prefix->family() != family) return {};
    prefixes.push_back(*prefix);
  }
  return prefixes;
}

bool Mentions(absl::string_view listing, absl::string_view word) {
  return listing.find(word) != absl::string_view::npos;
}

}  // namespace

absl::string_view NftFamily(Family family) { return family == Family::kV4 ? "ip" : "ip6"; }

std::string RulesText(Family family, const RuleSet& rules) {
  const auto chain = [&](absl::string_view text) {
    return absl::StrReplaceAll(
        text, {{"$ip", NftFamily(family)},
               {"$multicast", family == Family::kV4 ? "224.0.0.0/4" : "ff00::/8"}});
  };
  return absl::StrCat("table ", NftFamily(family), " ", kRulesTable, " {",
                      SetText("cluster", family, rules.cluster),
                      SetText("pods", family, rules.pods),
                      rules.masquerade ? chain(kMasqueradeChain) : "",
                      rules.forward ? chain(kForwardChain) : "", "}\n");
}

RuleSet ParseRules(Family family, absl::string_view listing) {
  RuleSet rules;
  rules.cluster = ElementsOf("cluster", family, listing);
  rules.pods = ElementsOf("pods", family, listing);
  if (rules.cluster.empty() || rules.pods.empty()) return {};
  rules.masquerade = Mentions(listing, "chain postrouting {");
  rules.forward = Mentions(listing, "chain forward {");
  if (CollapseSpace(listing) != CollapseSpace(RulesText(family, rules))) return {};
  return rules;
}

std::string CollapseSpace(absl::string_view text) {
  std::string collapsed(text);
  absl::RemoveExtraAsciiWhitespace(&collapsed);
  for (char& c : collapsed) {
    if (absl::ascii_isspace(static_cast<unsigned char>(c))) c = ' ';
  }
  return collapsed;
}

}  // namespace heddle::node
