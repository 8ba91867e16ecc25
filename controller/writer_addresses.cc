// Claims of addresses: who is there is known here, whose an address is by the book.
#include <utility>

#include "absl/strings/str_cat.h"
#include "controller/store_feed.h"
#include "controller/writer.h"

namespace heddle::controller {

absl::StatusOr<Decision> Writer::DecideAcquire(const AcquireRequest& request, absl::Time now) {
  absl::StatusOr<Decision> decision =
      book_.DecideAcquire(request.node_id, request.advertisement, request.preferred, now,
                          settling_now(), [this](const std::string& node_id, const Ip& address) {
                            return IsStillAt(node_id, address);
                          });
  if (decision.ok()) {
    moved_to_.erase(request.node_id);
  } else if (leads() && absl::IsAlreadyExists(decision.status()) &&
             book_.Find(request.node_id) != nullptr) {
    moved_to_[request.node_id] = request.advertisement.public_address;
  }
  return decision;
}

// A node that is attached anywhere, unless it has asked to be somewhere else since.
bool Writer::IsStillAt(const std::string& node_id, const Ip& address) const {
  if (wiring_.registry == nullptr || wiring_.registry->FindStream(node_id) == nullptr) return false;
  const auto moved = moved_to_.find(node_id);
  return moved == moved_to_.end() || moved->second[address.family()] == address;
}

absl::StatusOr<LeaseGrant> Writer::Acquired(const AcquireRequest& request,
                                            const absl::StatusOr<Committed>& result) const {
  const Lease* held = book_.Find(request.node_id);
  if (absl::IsAlreadyExists(result.status()) && held != nullptr && held->advertisement) {
    return LeaseGrant{*held, book_.revision(), result.status()};
  }
  return Granted(request.node_id, result);
}

void Writer::AllowAddress(std::string node_id, Ip address,
                          std::function<void(absl::StatusOr<Committed>)> done) {
  // No node id has a space in it.
  Enqueue(
      Scope::kNode, absl::StrCat("address ", address.ToString()),
      [this, node_id = std::move(node_id), address](absl::Time) {
        return book_.DecideAllowAddress(node_id, address);
      },
      std::move(done));
}

}  // namespace heddle::controller
