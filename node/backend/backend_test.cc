// What holds for every backend: the table, merging, independence of order, unique keys.
#include "node/backend/backend.h"

#include <random>

#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/backend/peer_route.h"
#include "node/backend/scenario.h"
#include "node/state/tables.h"

namespace heddle::node {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Moves the objects of `part` into `whole`; a key that is there already is a failure.
void MergeDisjoint(const NetworkState& part, NetworkState* whole) {
  ForEachTable([&](auto table) {
    for (const auto& entry : part.*table) {
      EXPECT_TRUE((whole->*table).insert(entry).second) << part.ToString();
    }
  });
}

// A network of random ranges that the backend carries, and peers on distinct subnets of it.
Scenario RandomScenario(std::mt19937* random, std::string backend, int peers) {
  Scenario scenario;
  const auto number = [&](std::uint64_t below) {
    return std::uniform_int_distribution<std::uint64_t>(0, below - 1)(*random);
  };
  const std::uint64_t families = heddle::FindBackend(backend)->ipv4_only ? 1 : 1 + number(3);
  for (Family family : kFamilies) {
    if ((families >> static_cast<int>(family) & 1) == 0) continue;
    const int network_bits = family == Family::kV4 ? 1 + number(20) : 16 + number(80);
    const int subnet_bits = 8 + number(family == Family::kV4 ? 30 - network_bits - 7 : 21);
    const absl::uint128 base =
        absl::MakeUint128((*random)(), 0) << 32 |
        absl::MakeUint128(0, (std::uint64_t{(*random)()} << 32) | (*random)());
    scenario.SetRange(Prefix(Ip(family, base), network_bits),
                      std::min(network_bits + subnet_bits, BitsOf(family) - 2));
  }
  scenario.network.backend = *CompleteBackend({std::move(backend), {}});
  scenario.options.use_nexthops = number(2) == 0;
  if (scenario.network.backend.options.count("DirectRouting") != 0) {
    scenario.network.backend.options["DirectRouting"] = number(2) == 0;
  }
  if (scenario.network.backend.type == "wireguard") {
    const char* mode = families == 3 && number(2) == 0 ? "auto" : "separate";
    scenario.network.backend.options["Mode"] = std::string(mode);
  }
  scenario.Lease(peers);
  return scenario;
}

TEST(BackendTableTest, HasARowForEachBuiltSchemaAndNoOther) {
  for (const BackendSchema& schema : BackendSchemas()) {
    EXPECT_EQ(FindBackend(schema.type) != nullptr, schema.built) << schema.type;
  }
  for (const Backend& backend : Backends()) {
    const BackendSchema* schema = heddle::FindBackend(backend.type);
    ASSERT_NE(schema, nullptr) << backend.type;
    EXPECT_TRUE(schema->built) << backend.type;
    EXPECT_EQ(FindBackend(backend.type), &backend);
  }
  EXPECT_EQ(FindBackend("no-such"), nullptr);
}

TEST(BackendTest, TheWholePlanIsItsPartsAndTheirKeysAreDistinct) {
  std::mt19937 random(1);
  for (const Backend& backend : Backends()) {
    for (int round = 0; round < 100; ++round) {
      SCOPED_TRACE(absl::StrCat(backend.type, " round ", round));
      Scenario scenario = RandomScenario(&random, std::string(backend.type), 40);
      NetworkState parts;
      MergeDisjoint(PlanSelf(scenario.input()), &parts);
      for (const auto& [node_id, peer] : scenario.peers) {
        MergeDisjoint(PlanPeer(scenario.input(), peer), &parts);
      }
      EXPECT_EQ(parts, PlanAll(scenario.input(), scenario.peers));
      EXPECT_THAT(Problems(scenario.input(), scenario.peers), IsEmpty());
    }
  }
}

// The order in which peers become known is the order of their names; other names, same plan.
TEST(BackendTest, TheOrderOfPeersDoesNotMatter) {
  std::mt19937 random(2);
  Scenario scenario = RandomScenario(&random, "host-gw", 50);
  absl::btree_map<std::string, Peer> renamed;
  for (const auto& [node_id, peer] : scenario.peers) {
    Peer copy = peer;
    copy.node_id = absl::StrCat("r", random(), "-", node_id);
    renamed.emplace(copy.node_id, copy);
  }
  EXPECT_EQ(PlanAll(scenario.input(), scenario.peers), PlanAll(scenario.input(), renamed));
}

TEST(BackendTest, ThisNodeAmongThePeersPlansNothing) {
  for (const Backend& backend : Backends()) {
    Scenario scenario = DualStackScenario(std::string(backend.type));
    EXPECT_TRUE(PlanPeer(scenario.input(), scenario.self).empty());
    EXPECT_THAT(PeerProblems(scenario.input(), scenario.self), IsEmpty());
    const NetworkState without = PlanAll(scenario.input(), scenario.peers);
    scenario.peers.emplace(scenario.self.node_id, scenario.self);
    EXPECT_EQ(PlanAll(scenario.input(), scenario.peers), without);
  }
}

TEST(BackendTest, APeerWithoutWhatIsNeededPlansNothingAndSaysWhy) {
  struct Row {
    void (*spoil)(Peer*);
    const char* why;
  };
  const Row rows[] = {
      {[](Peer* p) { p->advertisement.backend_type = "host-gw"; }, "the backend 'host-gw'"},
      {[](Peer* p) { p->subnets[Family::kV4].reset(); }, "no IPv4 subnet"},
      {[](Peer* p) { p->advertisement.public_address[Family::kV4].reset(); }, "--public-ip there"},
      {[](Peer* p) { p->advertisement.vtep_mac = {}; }, "VTEP MAC 00:00:00:00:00:00"},
      {[](Peer* p) { p->advertisement.vtep_mac.bytes[0] |= 1; }, "VTEP MAC"},
      {[](Peer* p) { p->subnets[Family::kV4] = *Prefix::Parse("10.3.1.0/24"); }, "overlaps"}};
  for (const Row& row : rows) {
    Scenario scenario = Ipv4Scenario("vxlan");
    Peer peer = scenario.peers.begin()->second;
    row.spoil(&peer);
    EXPECT_TRUE(PlanPeer(scenario.input(), peer).empty()) << row.why;
    EXPECT_THAT(PeerProblems(scenario.input(), peer), ElementsAre(HasSubstr(row.why)));
    EXPECT_THAT(PeerProblems(scenario.input(), peer)[0], HasSubstr(peer.node_id));
  }
}

TEST(BackendTest, OneFamilyOfAPeerDoesNotStopTheOther) {
  Scenario scenario = DualStackScenario("vxlan");
  Peer peer = scenario.peers.begin()->second;
  peer.advertisement.public_address[Family::kV6].reset();
  const NetworkState state = PlanPeer(scenario.input(), peer);
  ASSERT_EQ(state.routes.size(), 1u);
  EXPECT_EQ(state.routes.begin()->first.destination, peer.subnets[Family::kV4]);
}

TEST(BackendTest, TwoNodesBehindOneMacAreReported) {
  Scenario scenario = Ipv4Scenario("vxlan");
  auto& [node_id, peer] = *scenario.peers.begin();
  peer.advertisement.vtep_mac = scenario.self.advertisement.vtep_mac;
  EXPECT_THAT(Problems(scenario.input(), scenario.peers),
              ElementsAre(testing::AllOf(HasSubstr(scenario.self.node_id), HasSubstr(node_id),
                                         HasSubstr("one VTEP MAC"))));
}

TEST(BackendTest, RulesAreTheSameForEveryBackend) {
  for (const Backend& backend : Backends()) {
    Scenario scenario = DualStackScenario(std::string(backend.type));
    scenario.options.ip_masq = true;
    const auto rules = PlanSelf(scenario.input()).rules;
    ASSERT_EQ(rules.size(), 2u);
    EXPECT_THAT(rules.at(Family::kV4).cluster, ElementsAre(*Prefix::Parse("10.3.0.0/16")));
    EXPECT_THAT(rules.at(Family::kV4).pods, ElementsAre(*Prefix::Parse("10.3.1.0/24")));
    EXPECT_TRUE(rules.at(Family::kV6).masquerade);
    EXPECT_TRUE(rules.at(Family::kV6).forward);
    scenario.options.ip_masq = scenario.options.forward_rules = false;
    EXPECT_TRUE(PlanSelf(scenario.input()).rules.empty());
  }
}

TEST(PeerRouteIdTest, IsTheFamilysMarkAndTheSubnetsNumber) {
  EXPECT_EQ(PeerRouteId(*Prefix::Parse("10.3.2.0/24"), false), 0x400A0302u);
  EXPECT_EQ(PeerRouteId(*Prefix::Parse("fd00:3:0:5::/64"), false), 0x60000005u | (3u << 16 << 16));
  EXPECT_EQ(PeerRouteId(*Prefix::Parse("255.255.255.252/30"), false), 0x5FFFFFFFu);
  EXPECT_EQ(PeerRouteId(*Prefix::Parse("::/0"), false), 0x60000000u);
  EXPECT_EQ(PeerRouteId(*Prefix::Parse("10.3.2.0/24"), true), 0xC00A0302u);
  EXPECT_EQ(PeerRouteId(*Prefix::Parse("fd00:3:0:5::/64"), true), 0xE0000005u);
}

}  // namespace
}  // namespace heddle::node
