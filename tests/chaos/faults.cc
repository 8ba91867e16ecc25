#include "tests/chaos/faults.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"

namespace heddle::chaos {
namespace {

using Role = Server::Role;

constexpr absl::Duration kShortestFault = absl::Milliseconds(300), kLongestFault = absl::Seconds(5);
constexpr absl::Duration kShortestGap = absl::Milliseconds(200), kLongestGap = absl::Seconds(2);
constexpr absl::Duration kShortestOutage = absl::Seconds(2), kLongestOutage = absl::Seconds(5);
constexpr int kOneInOutages = 12;

const char* NameOf(Role role) { return role == Role::kEtcd ? "etcd" : "controller"; }

}  // namespace

Faults::Faults(World* world, std::uint64_t seed)
    : world_(world), random_(seed), began_(absl::Now()), next_(began_) {}

absl::Duration Faults::Between(absl::Duration least, absl::Duration most) {
  return least + (most - least) * (static_cast<double>(random_() % 1000) / 1000);
}

void Faults::Note(const std::string& what) {
  absl::StrAppend(
      &log_, absl::StrFormat("  %7.2f s  %s\n", absl::ToDoubleSeconds(absl::Now() - began_), what));
}

void Faults::Step(absl::Time now) {
  for (Active& active : active_) {
    if (active.until > now) continue;
    active.server->Heal();
    Note("healed " + active.server->name());
  }
  active_.erase(std::remove_if(active_.begin(), active_.end(),
                               [](const Active& active) { return !active.server->faulty(); }),
                active_.end());
  if (in_outage_ && active_.empty()) in_outage_ = false;
  if (in_outage_ || now < next_) return;
  next_ = now + Between(kShortestGap, kLongestGap);
  if (!world_->ServersOf(Role::kEtcd).empty() && Below(kOneInOutages) == 0) {
    BeginOutage(now);
    return;
  }
  Server* server =
      world_->servers()[static_cast<std::size_t>(Below(static_cast<int>(world_->servers().size())))]
          .get();
  if (server->faulty() || (server->role() == Role::kEtcd && !MinorityOfEtcdWouldBeHit())) return;
  Begin(server, now + Between(kShortestFault, kLongestFault));
}

bool Faults::MinorityOfEtcdWouldBeHit() const {
  const std::vector<Server*> members = world_->ServersOf(Role::kEtcd);
  const auto hit = std::count_if(members.begin(), members.end(),
                                 [](const Server* member) { return member->faulty(); });
  return 2 * static_cast<std::size_t>(hit + 1) < members.size();
}

void Faults::Begin(Server* server, absl::Time until) {
  std::string what;
  switch (Below(3)) {
    case 0:
      what = "kill";
      server->Kill();
      break;
    case 1:
      what = "pause";
      server->Pause();
      break;
    default:
      what = absl::StrCat("cut from ", Cut(server));
  }
  ++counts_[absl::StrCat(what, ", ", NameOf(server->role()))];
  Note(absl::StrCat(what, ": ", server->name()));
  active_.push_back({server, until});
}

// From whom.
std::string Faults::Cut(Server* server) {
  const bool of_etcd = server->role() == Role::kEtcd;
  switch (Below(4)) {
    case 0:
      if (const std::string peers = world_->Addresses(Role::kEtcd, server); !peers.empty()) {
        server->CutFrom(peers);
        return "etcd";
      }
      break;
    case 1:
      if (const std::string peers = world_->Addresses(Role::kController, server); !peers.empty()) {
        server->CutFrom(peers);
        return "controllers";
      }
      break;
    case 2:
      if (of_etcd) break;
      server->CutFrom(World::NodesAndClients());
      return "nodes";
    default:
      break;
  }
  server->CutFrom("");
  return "all";
}

// A majority of etcd for a while, without warning.
void Faults::BeginOutage(absl::Time now) {
  std::vector<Server*> members = world_->ServersOf(Role::kEtcd);
  std::shuffle(members.begin(), members.end(), random_);
  members.resize(members.size() / 2 + 1);
  const absl::Time until = now + Between(kShortestOutage, kLongestOutage);
  std::vector<std::string> names;
  for (Server* member : members) {
    if (member->faulty()) member->Heal();
    active_.erase(std::remove_if(active_.begin(), active_.end(),
                                 [=](const Active& active) { return active.server == member; }),
                  active_.end());
    switch (Below(3)) {
      case 0:
        member->Kill();
        break;
      case 1:
        member->Pause();
        break;
      default:
        member->CutFrom("");
    }
    active_.push_back({member, until});
    names.push_back(member->name());
  }
  in_outage_ = true;
  ++counts_["outage of etcd"];
  outages_.push_back({absl::Now(), until});
  Note("outage: " + absl::StrJoin(names, ", "));
}

void Faults::HealAll() {
  for (Active& active : active_) active.server->Heal();
  if (in_outage_) outages_.back().end = std::min(outages_.back().end, absl::Now());
  active_.clear();
  in_outage_ = false;
  next_ = absl::InfiniteFuture();
  Note("healed all");
}

std::string Faults::Summary() const {
  return absl::StrJoin(counts_, "; ", absl::PairFormatter(": "));
}

int Faults::count() const {
  int sum = 0;
  for (const auto& [what, count] : counts_) sum += count;
  return sum;
}

}  // namespace heddle::chaos
