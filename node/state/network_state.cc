#include "node/state/network_state.h"

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
  std::string text;
  ForEachTable([&](auto table) {
    for (const auto& [key, value] : this->*table)
      absl::StrAppend(&text, Describe(key, value), "\n");
  });
  return text;
}

bool operator==(const NetworkState& a, const NetworkState& b) {
  bool equal = true;
  ForEachTable([&](auto table) { equal = equal && a.*table == b.*table; });
  return equal;
}

}  // namespace heddle::node
