#include "node/state/network_state.h"

#include <type_traits>

#include "absl/strings/str_cat.h"
#include "node/state/describe.h"
#include "node/state/tables.h"

namespace heddle::node {

bool NetworkState::empty() const { return size() == 0; }

std::size_t NetworkState::size() const {
  std::size_t objects = 0;
  ForEachTable([&](auto table) { objects += (this->*table).size(); });
  return objects;
}

std::string NetworkState::ToString() const {
  std::string text, rules;  // which read better after what they are about
  ForEachTable([&](auto table) {
    constexpr bool kRules = std::is_same_v<decltype(table), decltype(&NetworkState::rules)>;
    for (const auto& [key, value] : this->*table)
      absl::StrAppend(kRules ? &rules : &text, Describe(key, value), "\n");
  });
  return text + rules;
}

bool operator==(const NetworkState& a, const NetworkState& b) {
  bool equal = true;
  ForEachTable([&](auto table) { equal = equal && a.*table == b.*table; });
  return equal;
}

}  // namespace heddle::node
