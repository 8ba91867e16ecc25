// Random histories, checked step by step against the plainest model of the rules: a map of who has
// what and a map of what rests.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "controller/lease_book.h"
#include "controller/lease_book_test_bench.h"

namespace heddle::controller {
namespace {

struct ModelLease {
  Prefix present;
  std::optional<Prefix> former;  // that it still has after it was renumbered
  bool reserved = false;
  absl::Time expires;
};

struct ModelRest {
  std::string node_id;
  absl::Time until;
};

class Model {
 public:
  Range range;
  std::optional<Range> draining;
  std::map<std::string, ModelLease> leases;
  std::map<Prefix, ModelRest> resting;

  ModelLease* Of(const std::string& node_id) {
    const auto found = leases.find(node_id);
    return found == leases.end() ? nullptr : &found->second;
  }

  std::map<Prefix, std::string> Held() const {
    std::map<Prefix, std::string> held;
    for (const auto& [node_id, lease] : leases) {
      held[lease.present] = node_id;
      if (lease.former) held[*lease.former] = node_id;
    }
    return held;
  }

  bool Drains(const Prefix& subnet) const { return draining && draining->Allows(subnet); }

  // Whether every subnet held is of `next` or of `left`.
  bool Fits(const Range& next, const std::optional<Range>& left) const {
    for (const auto& [subnet, node_id] : Held()) {
      if (!next.Allows(subnet) && !(left && left->Allows(subnet))) return false;
    }
    return true;
  }

  // The subnets a newcomer may be given, best first is what the rules ask; nothing when exhausted.
  std::set<Prefix> Candidates(const std::string& node_id, absl::Time now) const {
    const std::map<Prefix, std::string> held = Held();
    std::set<Prefix> own, rested;
    for (const auto& [subnet, rest] : resting) {
      if (!range.Allows(subnet)) continue;  // the network has shrunk or moved since
      if (rest.node_id == node_id) own.insert(subnet);
      if (rest.until <= now) rested.insert(subnet);
    }
    if (!own.empty()) return own;
    for (Prefix at(range.subnet_min, range.subnet_length); !(range.subnet_max < at.base());
         at = Prefix(Ip(at.family(), at.last().number() + 1), at.length())) {
      if (held.count(at) == 0 && resting.count(at) == 0) return {at};
    }
    return rested;
  }
};

class RandomHistory {
 public:
  explicit RandomHistory(unsigned seed) : random_(seed) {
    model_.range = RangeAt("10.3.0.0/24", 6);
    bench_.SetNetwork(NetworkOf({model_.range}));
  }

  void Step() {
    bench_.now += absl::Seconds(random_() % 60);
    const std::string node = absl::StrCat("n", random_() % 14);
    switch (random_() % 18) {
      case 0:
      case 1:
        return Release(node);
      case 2:
        return Reserve(node);
      case 3:
        bench_.now += absl::Hours(random_() % 12);
        return Upkeep();
      case 4:
        return Upkeep();
      case 5:
        return SetRange(model_.range.network.ToString());
      case 6:
        return Lost(node);
      case 7:
        return SetRange(random_() % 2 == 0 ? "10.3.0.0/24" : "10.60.0.0/24");
      case 8:
      case 9:
      case 10:
        return Renumber(node);
      case 11:
      case 12:
        return Finish(node);
      default:
        return Acquire(node);
    }
  }

  void Check() {
    bench_.Check();
    std::map<Prefix, std::string> held, resting, model_resting;
    for (const auto& [id, lease] : bench_.book.leases()) {
      for (const Prefix& subnet : lease.AllSubnets()) held[subnet] = id;
      EXPECT_EQ(lease.subnets[Family::kV4], model_.leases[id].present);
    }
    for (const auto& [subnet, rest] : bench_.book.resting()) resting[subnet] = rest.last_node_id;
    for (const auto& [subnet, rest] : model_.resting) model_resting[subnet] = rest.node_id;
    ASSERT_EQ(held, model_.Held());
    ASSERT_EQ(resting, model_resting);
    ASSERT_EQ(bench_.book.network()->draining[Family::kV4], model_.draining);
  }

  int moves() const { return moves_; }
  int moves_ended() const { return moves_ended_; }

 private:
  static Range RangeAt(const std::string& network, int subnets) {
    const Prefix prefix = P(network);
    return {prefix, 29, prefix.at(8), prefix.at(8 * subnets)};
  }

  void Acquire(const std::string& node) {
    const auto candidates = model_.Candidates(node, bench_.now);
    const std::string got = bench_.Acquire(node);
    if (ModelLease* lease = model_.Of(node)) {
      EXPECT_EQ(got, lease->present.ToString());
      Refresh(lease);
      return;
    }
    if (candidates.empty()) {
      EXPECT_EQ(bench_.SubnetsOf(node), "none");
      return;
    }
    ASSERT_EQ(candidates.count(P(got)), 1u) << got;
    model_.resting.erase(P(got));
    model_.leases[node] = {P(got), std::nullopt, false, bench_.now + kTtl};
  }

  void Release(const std::string& node) {
    const bool has = model_.Of(node) != nullptr;
    EXPECT_EQ(bench_.Release(node).empty(), has);
    if (has) End(node);
  }

  void Reserve(const std::string& node) {
    const Prefix subnet(model_.range.network.at(8 * (random_() % 40)), 29);
    ModelLease* lease = model_.Of(node);
    const auto rest = model_.resting.find(subnet);
    const bool free = model_.Held().count(subnet) == 0 &&
                      (rest == model_.resting.end() || rest->second.node_id == node ||
                       rest->second.until <= bench_.now);
    const bool moves = lease != nullptr && !lease->former && model_.Drains(lease->present);
    const bool keeps = lease != nullptr && lease->present == subnet;
    const bool may =
        model_.range.Allows(subnet) && (keeps || (free && (lease == nullptr || moves)));
    const bool done = bench_.Reserve(node, {subnet}) == subnet.ToString();
    ASSERT_EQ(done, may) << node << " " << subnet;
    if (!may) return;
    model_.resting.erase(subnet);
    ModelLease next{subnet, std::nullopt, true, absl::InfiniteFuture()};
    if (lease != nullptr) next.former = keeps ? lease->former : lease->present;
    model_.leases[node] = next;
  }

  void Renumber(const std::string& node) {
    const auto candidates = model_.Candidates(node, bench_.now);
    const auto decision = bench_.book.DecideRenumber(node, bench_.now);
    ModelLease* lease = model_.Of(node);
    if (lease == nullptr) {
      ASSERT_EQ(decision.status().code(), absl::StatusCode::kNotFound);
      return;
    }
    const bool leaves = model_.Drains(lease->present);
    if (leaves && !lease->former && candidates.empty()) {
      ASSERT_EQ(decision.status().code(), absl::StatusCode::kResourceExhausted);
      return;
    }
    bench_.Run(decision);
    if (!leaves) return;
    const Prefix got = *bench_.book.Find(node)->subnets[Family::kV4];
    if (lease->former) {
      ASSERT_EQ(got, *lease->former) << "back where it came from";
    } else {
      ASSERT_EQ(candidates.count(got), 1u) << got;
    }
    model_.resting.erase(got);
    lease->former = std::exchange(lease->present, got);
  }

  void Finish(const std::string& node) {
    const auto decision = bench_.book.DecideFinishRenumber(node, bench_.now);
    ModelLease* lease = model_.Of(node);
    ASSERT_EQ(decision.ok(), lease != nullptr && !model_.Drains(lease->present));
    if (!decision.ok()) return;
    bench_.Run(decision);
    if (lease->former) Rest(*lease->former, node);
    lease->former.reset();
  }

  void Upkeep() {
    absl::flat_hash_set<std::string> alive;
    for (int i = 0; i < 14; ++i) {
      if (random_() % 2 == 0) alive.insert(absl::StrCat("n", i));
    }
    bench_.Upkeep(alive);
    for (auto rest = model_.resting.begin(); rest != model_.resting.end();) {
      rest = rest->second.until <= bench_.now ? model_.resting.erase(rest) : std::next(rest);
    }
    const auto leases = model_.leases;
    for (const auto& [node, lease] : leases) {
      if (lease.reserved) continue;
      if (alive.contains(node)) {
        Refresh(&model_.leases[node]);
      } else if (lease.expires <= bench_.now) {
        End(node);
      }
    }
    bench_.Run(bench_.book.DecideEndDraining());
    if (model_.draining && model_.Fits(model_.range, std::nullopt)) {
      model_.draining.reset();
      ++moves_ended_;
    }
  }

  // Grows, shrinks or moves.
  void SetRange(const std::string& network) {
    const Range next = RangeAt(network, 5 + random_() % 27);
    const bool drain = random_() % 2 == 0;
    std::vector<std::optional<Range>> ways = {std::nullopt, model_.draining};
    if (drain) ways.push_back(model_.range);
    const auto fits = std::find_if(ways.begin(), ways.end(),
                                   [&](const auto& left) { return model_.Fits(next, left); });
    const bool overlaps = fits != ways.end() && *fits && (*fits)->network.Overlaps(next.network);
    const auto decision =
        bench_.book.DecideSetNetwork(NetworkOf({next}), "{}", bench_.now, std::nullopt, drain);
    ASSERT_EQ(decision.ok(), fits != ways.end() && !overlaps) << decision.status();
    if (!decision.ok()) return;
    bench_.Run(decision);
    if (*fits && !(*fits == model_.draining)) ++moves_;
    model_.range = next;
    model_.draining = *fits;
  }

  // A decision whose commit is lost: claimed, answered with an error, and nothing has changed.
  void Lost(const std::string& node) {
    const auto decision = random_() % 2 == 0
                              ? bench_.book.DecideAcquire(node, AdvertisementOf(1), {}, bench_.now)
                              : bench_.book.DecideRenumber(node, bench_.now);
    if (!decision.ok()) return;
    bench_.book.Claim(*decision);
    bench_.book.Unclaim(*decision);
  }

  void Refresh(ModelLease* lease) {
    if (!lease->reserved && lease->expires < bench_.now + kTtl * 2 / 3) {
      lease->expires = bench_.now + kTtl;
    }
  }
  void Rest(const Prefix& subnet, const std::string& node) {
    model_.resting[subnet] = {node, bench_.now + absl::Minutes(5)};
  }
  void End(const std::string& node) {
    const ModelLease lease = model_.leases[node];
    Rest(lease.present, node);
    if (lease.former) Rest(*lease.former, node);
    model_.leases.erase(node);
  }

  static constexpr absl::Duration kTtl = absl::Hours(24);
  std::mt19937 random_;
  BookBench bench_;
  Model model_;
  int moves_ = 0, moves_ended_ = 0;
};

TEST(LeaseBookProperty, AgreesWithThePlainModel) {
  int moves = 0, moves_ended = 0;
  for (unsigned seed = 1; seed <= 40; ++seed) {
    RandomHistory history(seed);
    for (int step = 0; step < 300; ++step) {
      history.Step();
      history.Check();
      ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << ", step " << step;
    }
    moves += history.moves();
    moves_ended += history.moves_ended();
  }
  EXPECT_GT(moves, 40);
  EXPECT_GT(moves_ended, 3);
}

}  // namespace
}  // namespace heddle::controller
