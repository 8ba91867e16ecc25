// What LeaseBook decides while a restored store settles.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "controller/lease_book.h"

namespace heddle::controller {

absl::Status Unsettled(const Settling& settling, absl::string_view why) {
  std::string missing;
  if (settling.missing > 0) {
    missing = absl::StrCat(", or until ", settling.missing,
                           settling.missing == 1 ? " node is back (" : " nodes are back (",
                           absl::StrJoin(settling.missing_node_ids, ", "),
                           settling.missing > settling.missing_node_ids.size() ? ", ..." : "", ")");
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "the store was restored: until ",
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", settling.until, absl::UTCTimeZone()), missing,
      ", a node gets no other subnet than the one that it has, and ", why, ". Try again then"));
}

// The subnet that the node says it has, which its pods use: nobody else can have it unless the book
// says so.
absl::StatusOr<Prefix> LeaseBook::Presented(Family family, absl::string_view node_id,
                                            const std::vector<Prefix>& preferred,
                                            const Settling& settling) const {
  const auto presented =
      std::find_if(preferred.begin(), preferred.end(),
                   [family](const Prefix& subnet) { return subnet.family() == family; });
  if (presented == preferred.end()) {
    return Unsettled(settling,
                     absl::StrCat("this one presents no ", FamilyName(family), " subnet"));
  }
  if (const Lease* held = Find(node_id)) {
    const auto& kept = held->subnets[family];
    const bool has = kept == *presented || held->draining_subnets[family] == *presented;
    if (has && kept && network_->Allows(*kept)) return *kept;
  }
  if (!network_->ranges[family]->Allows(*presented)) {
    return Unsettled(settling, absl::StrCat("this one presents ", presented->ToString(),
                                            ", which is not a subnet of the network"));
  }
  if (const auto holder = held_.find(*presented); holder != held_.end()) {
    return Unsettled(settling, absl::StrCat("this one presents ", presented->ToString(),
                                            ", which is held by '", holder->second.node_id, "'"));
  }
  if (claimed_subnets_.contains(*presented)) {
    return absl::AbortedError(
        absl::StrCat(presented->ToString(), " is part of a change being committed; try again"));
  }
  if (pools_[family]->IsFree(*presented) || resting_.contains(*presented)) return *presented;
  return Unsettled(settling, absl::StrCat("this one presents ", presented->ToString(),
                                          ", which overlaps another's subnet"));
}

}  // namespace heddle::controller
