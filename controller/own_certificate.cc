#include "controller/own_certificate.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace heddle::controller {

std::string WhyRenew(const identity::Certificate& own, const identity::Root& signing,
                     absl::string_view id, absl::Time now, double chance) {
  if (own.issuer != signing.key_id) {
    return absl::StrCat("root ", signing.key_id, " signs now, and it is of root ",
                        own.issuer.empty() ? "unknown" : own.issuer);
  }
  if (own.principal.name != id) {
    return absl::StrCat("it is of ", ToString(own.principal), ", and this is controller ", id);
  }
  // No certificate outlives its root: near the root's end another is none the better.
  const absl::Time end = std::min(now + kOwnLifetime, signing.not_after);
  if (now < RenewAt(own, chance) || end <= own.not_after + absl::Seconds(1)) return "";
  return absl::StrCat("it ends at ", absl::FormatTime(own.not_after, absl::UTCTimeZone()));
}

absl::Duration WarningSpacing(absl::Time end, absl::Time now) {
  return end - now > absl::Hours(24 * 7) ? absl::Hours(24) : absl::Hours(1);
}

}  // namespace heddle::controller
