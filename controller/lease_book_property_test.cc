// Random histories, checked step by step against the plainest model of the rules: a map of who has
// what and a map of what rests.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "controller/lease_book.h"
#include "controller/lease_book_test_bench.h"

namespace heddle::controller {
namespace {

struct ModelLease {
  std::string node_id;
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
  std::map<Prefix, ModelLease> held;
  std::map<Prefix, ModelRest> resting;

  const Prefix* Of(const std::string& node_id) const {
    for (const auto& [subnet, lease] : held) {
      if (lease.node_id == node_id) return &subnet;
    }
    return nullptr;
  }

  // The subnets a newcomer may be given, best first is what the rules ask; nothing when exhausted.
  std::set<Prefix> Candidates(const std::string& node_id, absl::Time now) const {
    std::set<Prefix> own, rested;
    for (const auto& [subnet, rest] : resting) {
      if (!range.Allows(subnet)) continue;  // the network has shrunk since
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
    model_.range = RangeOf("10.3.0.0/24", 29, "10.3.0.8", "10.3.0.48");
    bench_.SetNetwork(NetworkOf({model_.range}));
  }

  void Step() {
    bench_.now += absl::Seconds(random_() % 60);
    const std::string node = absl::StrCat("n", random_() % 14);
    switch (random_() % 12) {
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
        return Grow();
      case 6:
        return Lost(node);
      default:
        return Acquire(node);
    }
  }

  void Check() {
    bench_.Check();
    std::map<Prefix, std::string> held, resting, model_held, model_resting;
    for (const auto& [id, lease] : bench_.book.leases()) held[*lease.subnets[Family::kV4]] = id;
    for (const auto& [subnet, rest] : bench_.book.resting()) resting[subnet] = rest.last_node_id;
    for (const auto& [subnet, lease] : model_.held) model_held[subnet] = lease.node_id;
    for (const auto& [subnet, rest] : model_.resting) model_resting[subnet] = rest.node_id;
    ASSERT_EQ(held, model_held);
    ASSERT_EQ(resting, model_resting);
  }

 private:
  void Acquire(const std::string& node) {
    const Prefix* has = model_.Of(node);
    const auto candidates = model_.Candidates(node, bench_.now);
    const std::string got = bench_.Acquire(node);
    if (has != nullptr) {
      EXPECT_EQ(got, has->ToString());
      Refresh(&model_.held[*has]);
      return;
    }
    if (candidates.empty()) {
      EXPECT_EQ(bench_.SubnetsOf(node), "none");
      return;
    }
    ASSERT_EQ(candidates.count(P(got)), 1u) << got;
    model_.resting.erase(P(got));
    model_.held[P(got)] = {node, false, bench_.now + kTtl};
  }

  void Release(const std::string& node) {
    const Prefix* has = model_.Of(node);
    EXPECT_EQ(bench_.Release(node).empty(), has != nullptr);
    if (has != nullptr) Rest(*has);
  }

  void Reserve(const std::string& node) {
    const Prefix subnet(model_.range.network.at(8 * (random_() % 40)), 29);
    const Prefix* has = model_.Of(node);
    const auto rest = model_.resting.find(subnet);
    const bool may =
        model_.range.Allows(subnet) &&
        (has != nullptr ? *has == subnet
                        : model_.held.count(subnet) == 0 &&
                              (rest == model_.resting.end() || rest->second.node_id == node ||
                               rest->second.until <= bench_.now));
    const bool done = bench_.Reserve(node, {subnet}) == subnet.ToString();
    ASSERT_EQ(done, may) << node << " " << subnet;
    if (!may) return;
    model_.resting.erase(subnet);
    model_.held[subnet] = {node, true, absl::InfiniteFuture()};
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
    const auto held = model_.held;
    for (const auto& [subnet, lease] : held) {
      if (lease.reserved) continue;
      if (alive.contains(lease.node_id)) {
        Refresh(&model_.held[subnet]);
      } else if (lease.expires <= bench_.now) {
        Rest(subnet);
      }
    }
  }

  void Grow() {
    Range next = model_.range;
    next.subnet_max = model_.range.network.at(8 * (5 + random_() % 27));
    bool orphans = false;
    for (const auto& [subnet, lease] : model_.held) orphans |= !next.Allows(subnet);
    const auto decision = bench_.book.DecideSetNetwork(NetworkOf({next}), "{}");
    ASSERT_EQ(decision.ok(), !orphans) << decision.status();
    if (!decision.ok()) return;
    bench_.Run(decision);
    model_.range = next;
  }

  // A decision whose commit is lost: claimed, answered with an error, and nothing has changed.
  void Lost(const std::string& node) {
    const auto decision = bench_.book.DecideAcquire(node, AdvertisementOf(1), {}, bench_.now);
    if (!decision.ok()) return;
    bench_.book.Claim(*decision);
    bench_.book.Unclaim(*decision);
  }

  void Refresh(ModelLease* lease) {
    if (!lease->reserved && lease->expires < bench_.now + kTtl * 2 / 3) {
      lease->expires = bench_.now + kTtl;
    }
  }
  void Rest(const Prefix& subnet) {
    model_.resting[subnet] = {model_.held[subnet].node_id, bench_.now + absl::Minutes(5)};
    model_.held.erase(subnet);
  }

  static constexpr absl::Duration kTtl = absl::Hours(24);
  std::mt19937 random_;
  BookBench bench_;
  Model model_;
};

TEST(LeaseBookProperty, AgreesWithThePlainModel) {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    RandomHistory history(seed);
    for (int step = 0; step < 300; ++step) {
      history.Step();
      history.Check();
      ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace heddle::controller
