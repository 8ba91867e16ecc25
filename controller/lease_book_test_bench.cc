#include "controller/lease_book_test_bench.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/backend_schema.h"

namespace heddle::controller {

Range RangeOf(absl::string_view network, int length, absl::string_view min, absl::string_view max) {
  return {P(network), length, A(min), A(max)};
}

Network NetworkOf(const std::vector<Range>& ranges) {
  Network network;
  for (const Range& range : ranges) network.ranges[range.network.family()] = range;
  network.backend = CompleteBackend({"vxlan", {}}).value();
  return network;
}

Advertisement AdvertisementOf(int number) {
  Advertisement advertisement;
  advertisement.public_address[Family::kV4] = Ip(Family::kV4, 0xC0A80001 + number);
  advertisement.backend_type = "vxlan";
  advertisement.vtep_mac.bytes = {
      0x0e, 0x2a, 0, 0, static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number)};
  return advertisement;
}

bool BookBench::TryRun(const Decision& decision, BookChanges* changes) {
  book.Claim(decision);
  const auto feed = store.Commit(decision.transaction);
  if (feed && !feed->empty()) {
    BookChanges applied = book.Apply(store.revision(), *feed);
    follower.Apply(store.revision(), *feed);
    told.insert(told.end(), applied.peers.begin(), applied.peers.end());
    if (changes != nullptr) *changes = std::move(applied);
  }
  book.Unclaim(decision);
  return feed.has_value();
}

BookChanges BookBench::Run(const absl::StatusOr<Decision>& decision) {
  BookChanges changes;
  EXPECT_TRUE(decision.ok()) << decision.status();
  if (decision.ok()) {
    EXPECT_TRUE(TryRun(*decision, &changes)) << "a guard failed";
  }
  return changes;
}

BookChanges BookBench::Inject(const std::string& key, const std::string& value) {
  Decision decision;
  decision.transaction.writes.push_back({storage::Write::Kind::kPut, key, value});
  return Run(decision);
}

void BookBench::SetNetwork(const Network& network) {
  Run(book.DecideSetNetwork(network, "{}", now));
}

std::string BookBench::SubnetsOf(const std::string& node_id) const {
  const Lease* lease = book.Find(node_id);
  if (lease == nullptr) return "none";
  std::vector<std::string> subnets;
  lease->subnets.ForEach([&](Family, const Prefix& p) { subnets.push_back(p.ToString()); });
  return absl::StrJoin(subnets, " ");
}

std::string BookBench::Acquire(const std::string& node_id, const std::vector<Prefix>& preferred) {
  const Lease* held = book.Find(node_id);
  const Advertisement advertisement = held != nullptr && held->advertisement
                                          ? *held->advertisement
                                          : AdvertisementOf(static_cast<int>(told.size()));
  const auto decision = book.DecideAcquire(node_id, advertisement, preferred, now);
  if (!decision.ok()) return std::string(decision.status().message());
  Run(decision);
  return SubnetsOf(node_id);
}

std::string BookBench::Reserve(const std::string& node_id, const std::vector<Prefix>& subnets) {
  const auto decision = book.DecideReserve(node_id, subnets, now);
  if (!decision.ok()) return std::string(decision.status().message());
  Run(decision);
  return SubnetsOf(node_id);
}

std::string BookBench::Release(const std::string& node_id) {
  const auto decision = book.DecideRelease(node_id, now);
  if (!decision.ok()) return std::string(decision.status().message());
  Run(decision);
  return "";
}

void BookBench::Upkeep(const absl::flat_hash_set<std::string>& alive, bool expire) {
  for (const Decision& decision : book.DecideUpkeep(alive, expire, now)) {
    EXPECT_LE(decision.transaction.writes.size(), storage::Limits().max_writes);
    EXPECT_LE(decision.transaction.guards.size(), storage::Limits().max_guards);
    Run(decision);
  }
}

void BookBench::Check() const {
  EXPECT_EQ(book.CheckInvariants(), absl::OkStatus());
  EXPECT_EQ(follower.CheckInvariants(), absl::OkStatus());
  EXPECT_EQ(book.leases(), follower.leases());
  EXPECT_EQ(book.resting(), follower.resting());
  EXPECT_EQ(book.network(), follower.network());
  EXPECT_EQ(book.network_source(), follower.network_source());
  EXPECT_EQ(book.revision(), follower.revision());
}

}  // namespace heddle::controller
