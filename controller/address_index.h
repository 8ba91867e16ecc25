// Who announces which public address, and to whom an administrator has given one. Kept by the
// LeaseBook from its feed.
//
// Not thread-safe.
#pragma once

#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "api/peer.h"
#include "base/ip.h"
#include "storage/store.h"

namespace heddle::controller {

class AddressIndex {
 public:
  struct Owner {
    std::string node_id;  // "" when the record cannot be read: nobody's
    storage::Revision modified = 0;

    friend bool operator==(const Owner& a, const Owner& b) {
      return a.node_id == b.node_id && a.modified == b.modified;
    }
  };

  // Each announcement is withdrawn once, as it was made.
  void Announce(const std::string& node_id, const Advertisement& advertisement);
  void Withdraw(const std::string& node_id, const Advertisement& advertisement);
  void Own(const Ip& address, Owner owner) { owners_[address] = std::move(owner); }
  void Disown(const Ip& address) { owners_.erase(address); }

  // By node id. More than one only in what an earlier release or a restore has left.
  std::vector<std::string> AnnouncersOf(const Ip& address) const;
  const Owner* OwnerOf(const Ip& address) const;
  // Nobody else announces, or was given, one of these addresses.
  bool IsSoleAnnouncer(absl::string_view node_id, const Advertisement& advertisement) const;

  AddressIndex OwnersAlone() const;
  friend bool operator==(const AddressIndex& a, const AddressIndex& b) {
    return a.owners_ == b.owners_ && a.announcers_ == b.announcers_;
  }

 private:
  absl::flat_hash_map<Ip, Owner> owners_;
  absl::flat_hash_map<Ip, std::vector<std::string>> announcers_;  // each by node id; never empty
};

}  // namespace heddle::controller
