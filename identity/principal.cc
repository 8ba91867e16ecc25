#include "identity/principal.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "api/peer.h"
#include "base/program.h"

namespace heddle::identity {
namespace {

constexpr char kScheme[] = "heddle://";
constexpr std::array<std::pair<Role, absl::string_view>, 4> kRoles = {{
    {Role::kNode, "node"},
    {Role::kController, "controller"},
    {Role::kAdmin, "admin"},
    {Role::kViewer, "viewer"},
}};

absl::Status NoPrincipal(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("'", Excerpt(std::string(text), 80),
                                                 "' is no role and name such as node/h1: ", why));
}

}  // namespace

absl::string_view RoleName(Role role) {
  for (const auto& [known, name] : kRoles) {
    if (known == role) return name;
  }
  return "unknown";
}

absl::StatusOr<Role> RoleOfName(absl::string_view role_name) {
  for (const auto& [role, name] : kRoles) {
    if (name == role_name) return role;
  }
  return absl::InvalidArgumentError(absl::StrCat("'", Excerpt(std::string(role_name), 40),
                                                 "' is none of the roles node, controller, admin "
                                                 "and viewer"));
}

std::string ToString(const Principal& principal) {
  return absl::StrCat(RoleName(principal.role), "/", principal.name);
}

absl::StatusOr<Principal> ParsePrincipal(absl::string_view text) {
  const auto slash = text.find('/');
  if (slash == absl::string_view::npos) return NoPrincipal(text, "there is no '/' in it");
  const auto role = RoleOfName(text.substr(0, slash));
  if (!role.ok()) return role.status();
  const absl::string_view name = text.substr(slash + 1);
  // One alphabet for all names; what it says of a node id holds for each.
  if (const absl::Status valid = ValidateNodeId(name); !valid.ok()) {
    return NoPrincipal(text, valid.message());
  }
  return Principal{*role, std::string(name)};
}

std::string ToUri(const Principal& principal) { return absl::StrCat(kScheme, ToString(principal)); }

absl::StatusOr<Principal> PrincipalOfUri(absl::string_view uri) {
  if (!absl::ConsumePrefix(&uri, kScheme)) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", Excerpt(std::string(uri), 80), "' is no URI that starts with ", kScheme));
  }
  return ParsePrincipal(uri);
}

}  // namespace heddle::identity
