// What of a network's configuration only nodes and backups are told: pre-shared keys. Whoever else
// asks reads kHidden in their place, and may say that to have them stay as they are.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "api/network.h"

namespace heddle::controller {

inline constexpr char kHidden[] = "(hidden)";

// Of a backend and an option that the schema has (api/backend_schema.h).
bool IsSecret(absl::string_view backend_type, absl::string_view option);

Network WithoutSecrets(Network network);
// The same in the net-conf.json that a network was set with; as it is when there is nothing to
// hide.
std::string JsonWithoutSecrets(absl::string_view net_conf_json);

// `net_conf_json` with the secrets of `stored` (null: no network yet) where it says kHidden; as it
// is where it does not, also when it is not JSON. FailedPrecondition: none is stored for that
// backend.
absl::StatusOr<std::string> JsonWithSecretsOf(const Network* stored,
                                              absl::string_view net_conf_json);

}  // namespace heddle::controller
