#include <sys/socket.h>

#include "node/dataplane/codec/codec.h"

namespace heddle::node {

std::optional<Family> FamilyOf(int address_family) {
  for (Family family : kFamilies) {
    if (ToAddressFamily(family) == address_family) return family;
  }
  return std::nullopt;
}

std::uint16_t GuardedFlags(Operation::Kind kind) {
  return NLM_F_CREATE | (kind == Operation::Kind::kAdd ? NLM_F_EXCL : NLM_F_REPLACE);
}

std::uint16_t ReplacingFlags() { return NLM_F_CREATE | NLM_F_REPLACE; }

std::string NameOf(const LinkNames& names, int index) {
  const auto name = names.find(index);
  return name == names.end() ? std::string() : name->second;
}

}  // namespace heddle::node
