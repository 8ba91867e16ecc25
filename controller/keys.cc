#include "controller/keys.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace heddle::controller {

std::string NodeKey(absl::string_view node_id) { return absl::StrCat(kNodePrefix, node_id); }

std::string SubnetKey(const Prefix& subnet) {
  return absl::StrCat(kSubnetPrefix, subnet.base().ToString(), "-", subnet.length());
}

std::optional<std::string> NodeIdOfKey(absl::string_view key) {
  if (!absl::ConsumePrefix(&key, kNodePrefix)) return std::nullopt;
  return std::string(key);
}

std::optional<Prefix> SubnetOfKey(absl::string_view key) {
  absl::string_view name = key;
  if (!absl::ConsumePrefix(&name, kSubnetPrefix)) return std::nullopt;
  const auto dash = name.rfind('-');
  if (dash == absl::string_view::npos) return std::nullopt;
  const auto base = Ip::Parse(name.substr(0, dash));
  int length = 0;
  if (!base.ok() || !absl::SimpleAtoi(name.substr(dash + 1), &length)) return std::nullopt;
  const Prefix subnet(*base, length);
  // Only the one spelling that SubnetKey gives: two keys never mean the same subnet.
  if (SubnetKey(subnet) != key) return std::nullopt;
  return subnet;
}

}  // namespace heddle::controller
