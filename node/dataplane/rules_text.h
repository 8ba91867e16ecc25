// Masquerade and forward rules as text of nft, and back. Pure.
//
// The text is written in the very form in which nft lists it, so that what the kernel holds can be
// compared with what we would write.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "node/state/network_state.h"

namespace heddle::node {

// The name of our table, in families ip and ip6.
inline constexpr char kRulesTable[] = "heddle";
// "ip" or "ip6".
absl::string_view NftFamily(Family family);

// The table with its sets, chains and rules. Prefixes inside another one are left out.
std::string RulesText(Family family, const RuleSet& rules);

// The rules whose text `listing` is. When it is no such text (altered, emptied, re-ordered,
// duplicated), a RuleSet that differs from every one that has a network in it.
RuleSet ParseRules(Family family, absl::string_view listing);

// With runs of white space made one blank: nft breaks long lists into lines.
std::string CollapseSpace(absl::string_view text);

}  // namespace heddle::node
