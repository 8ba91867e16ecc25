#include "controller/address_index.h"

#include <algorithm>

namespace heddle::controller {

void AddressIndex::Announce(const std::string& node_id, const Advertisement& advertisement) {
  advertisement.public_address.ForEach([&](Family, const Ip& address) {
    std::vector<std::string>& announcers = announcers_[address];
    announcers.insert(std::lower_bound(announcers.begin(), announcers.end(), node_id), node_id);
  });
}

void AddressIndex::Withdraw(const std::string& node_id, const Advertisement& advertisement) {
  advertisement.public_address.ForEach([&](Family, const Ip& address) {
    const auto found = announcers_.find(address);
    if (found == announcers_.end()) return;
    std::vector<std::string>& announcers = found->second;
    announcers.erase(std::remove(announcers.begin(), announcers.end(), node_id), announcers.end());
    if (announcers.empty()) announcers_.erase(found);
  });
}

std::vector<std::string> AddressIndex::AnnouncersOf(const Ip& address) const {
  const auto found = announcers_.find(address);
  return found == announcers_.end() ? std::vector<std::string>() : found->second;
}

const AddressIndex::Owner* AddressIndex::OwnerOf(const Ip& address) const {
  const auto found = owners_.find(address);
  return found == owners_.end() ? nullptr : &found->second;
}

bool AddressIndex::IsSoleAnnouncer(absl::string_view node_id,
                                   const Advertisement& advertisement) const {
  bool sole = true;
  advertisement.public_address.ForEach([&](Family, const Ip& address) {
    const Owner* owner = OwnerOf(address);
    if (owner != nullptr && owner->node_id != node_id) sole = false;
    const auto found = announcers_.find(address);
    if (found == announcers_.end()) return;
    for (const std::string& announcer : found->second) sole &= announcer == node_id;
  });
  return sole;
}

AddressIndex AddressIndex::OwnersAlone() const {
  AddressIndex owners;
  owners.owners_ = owners_;
  return owners;
}

}  // namespace heddle::controller
