// Who a certificate says its holder is: a role and a name, in one URI of its subjectAltName.
//
//   heddle://node/<node id>        may attach as that node and act on that node's lease
//   heddle://controller/<id>       serves, and may speak to other controllers
//   heddle://admin/<name>          heddlectl, everything
//   heddle://viewer/<name>         heddlectl, what changes nothing
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heddle::identity {

enum class Role { kNode, kController, kAdmin, kViewer };

absl::string_view RoleName(Role role);                         // "node", ...
absl::StatusOr<Role> RoleOfName(absl::string_view role_name);  // InvalidArgument: none of them

struct Principal {
  Role role = Role::kViewer;
  std::string name;  // as ValidateNodeId has it, whatever the role

  friend bool operator==(const Principal& a, const Principal& b) {
    return a.role == b.role && a.name == b.name;
  }
  friend bool operator!=(const Principal& a, const Principal& b) { return !(a == b); }
  template <typename H>
  friend H AbslHashValue(H h, const Principal& p) {
    return H::combine(std::move(h), p.role, p.name);
  }
};

// "node/h1": in logs, on the command line, and in the metadata of a forwarded call.
std::string ToString(const Principal& principal);
// The reverse. InvalidArgument says what is wrong with `text`.
absl::StatusOr<Principal> ParsePrincipal(absl::string_view text);

std::string ToUri(const Principal& principal);
// InvalidArgument: no URI of this scheme, or a role or name that is none.
absl::StatusOr<Principal> PrincipalOfUri(absl::string_view uri);

}  // namespace heddle::identity
