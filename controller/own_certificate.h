// When a controller renews its own certificate, and when it warns because it cannot. Pure.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "identity/authority.h"
#include "identity/certificate.h"

namespace heddle::controller {

inline constexpr absl::Duration kOwnLifetime = absl::Hours(24 * 365);  // of controllers and admins

// Why `own` is to be replaced now by one of `signing` for the controller `id`; empty: it is not, or
// it would not become better. `chance` as RenewAt has it.
std::string WhyRenew(const identity::Certificate& own, const identity::Root& signing,
                     absl::string_view id, absl::Time now, double chance);

// How long after a warning that something ends at `end` the next is due: a day; in its last week,
// and after it, an hour.
absl::Duration WarningSpacing(absl::Time end, absl::Time now);

}  // namespace heddle::controller
