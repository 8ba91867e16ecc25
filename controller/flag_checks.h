// Checks of the command line's values, made by the parser so that each message names the flag.
#pragma once

#include <string>

#include "CLI/CLI.hpp"
#include "absl/time/time.h"

namespace heddle::controller {

inline constexpr absl::Duration kTenYears = absl::Hours(24 * 3660);
CLI::Validator IsDuration(absl::Duration minimum, absl::Duration maximum = kTenYears);
// A port of 0 or above 65535 would be listened on at another one.
CLI::Validator IsHostAndPort();
// What may stand in a certificate, a key of the store and a message.
CLI::Validator IsControllerId();
// Of keys in etcd; adds the slash at the end where it is missing.
CLI::Validator IsEtcdPrefix();

// `text` has passed IsDuration.
absl::Duration ToDuration(const std::string& text);

}  // namespace heddle::controller
