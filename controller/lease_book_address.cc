// The half of LeaseBook that decides whose an address is.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "controller/keys.h"
#include "controller/lease_book.h"
#include "controller/lease_record.h"

namespace heddle::controller {
namespace {

using storage::Guard;
using storage::Write;

// The same text at each attempt, so that the node's log has it once.
absl::Status InUse(absl::string_view node_id, const Ip& address, absl::string_view why) {
  return absl::AlreadyExistsError(
      absl::StrCat("the public address ", address.ToString(), " of node '", node_id, "' ", why,
                   ". Give each host its own (--public-ip), or, if it is this node's, say so with "
                   "`heddlectl node allow-address ",
                   node_id, " ", address.ToString(), "`. The node asks again by itself"));
}

}  // namespace

// The nodes whose announcement must be withdrawn for the advertisement to be unique.
absl::StatusOr<std::vector<std::string>> LeaseBook::LosersOf(absl::string_view node_id,
                                                             const Advertisement& advertisement,
                                                             const StillAt& still_at) const {
  std::vector<std::string> losers;
  for (Family family : kFamilies) {
    const auto& address = advertisement.public_address[family];
    if (!address) continue;
    const AddressIndex::Owner* owner = addresses_.OwnerOf(*address);
    const bool is_given = owner != nullptr && owner->node_id == node_id;
    if (owner != nullptr && !is_given) {
      return InUse(node_id, *address,
                   owner->node_id.empty() ? "was given away by a record that cannot be read"
                                          : absl::StrCat("was given to the node '", owner->node_id,
                                                         "' by an administrator"));
    }
    if (claimed_addresses_.contains(*address)) {
      return absl::AbortedError(absl::StrCat("a lease with the address ", address->ToString(),
                                             " is being committed; try again"));
    }
    for (const std::string& holder : addresses_.AnnouncersOf(*address)) {
      if (holder == node_id) continue;
      if (!is_given && still_at && still_at(holder, *address)) {
        return InUse(node_id, *address, absl::StrCat("is in use by the node '", holder, "'"));
      }
      // A record that cannot be read cannot be rewritten: its lease stays as it was.
      if (IsClaimed(holder)) {
        return absl::AbortedError(
            absl::StrCat("a change of the lease of '", holder, "' is being committed; try again"));
      }
      if (unreadable_nodes_.contains(holder)) continue;
      if (std::find(losers.begin(), losers.end(), holder) == losers.end()) losers.push_back(holder);
    }
  }
  return losers;
}

// The node keeps its subnets: it may come back, with another address.
void LeaseBook::AddWithdrawal(const std::string& node_id, Decision* decision) const {
  Lease next = leases_.at(node_id);
  next.advertisement.reset();
  const std::string key = NodeKey(node_id);
  decision->transaction.guards.push_back({Guard::Kind::kModifiedAt, key, next.modified});
  decision->transaction.writes.push_back({Write::Kind::kPut, key, EncodeLease(next)});
  decision->more_node_ids.push_back(node_id);
}

absl::StatusOr<Decision> LeaseBook::DecideAllowAddress(absl::string_view node_id,
                                                       const Ip& address) const {
  if (!node_id.empty()) HEDDLE_RETURN_IF_ERROR(ValidateNodeId(node_id));
  HEDDLE_RETURN_IF_ERROR(ValidatePublicAddress(address));
  if (claimed_addresses_.contains(address)) {
    return absl::AbortedError(absl::StrCat("a lease with the address ", address.ToString(),
                                           " is being committed; try again"));
  }
  const AddressIndex::Owner* owner = addresses_.OwnerOf(address);
  if (owner == nullptr && node_id.empty()) {
    return absl::NotFoundError(
        absl::StrCat("the address ", address.ToString(), " was given to no node"));
  }
  Decision decision;
  if (owner != nullptr && owner->node_id == node_id) return decision;
  const std::string key = AddressKey(address);
  decision.transaction.guards.push_back(owner != nullptr
                                            ? Guard{Guard::Kind::kModifiedAt, key, owner->modified}
                                            : Guard{Guard::Kind::kAbsent, key, 0});
  decision.transaction.writes.push_back(
      node_id.empty() ? Write{Write::Kind::kDelete, key, ""}
                      : Write{Write::Kind::kPut, key, EncodeAddressOwner(std::string(node_id))});
  decision.addresses.push_back(address);
  return decision;
}

}  // namespace heddle::controller
