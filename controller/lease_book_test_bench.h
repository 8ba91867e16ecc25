// A book on a TestStore, with the short words that its tests are written in.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "controller/lease_book.h"
#include "controller/lease_book_test_store.h"

namespace heddle::controller {

inline Prefix P(absl::string_view text) { return Prefix::Parse(text).value(); }
inline Ip A(absl::string_view text) { return Ip::Parse(text).value(); }

// Ranges as {network, length, first, last}.
Network NetworkOf(const std::vector<Range>& ranges);
Range RangeOf(absl::string_view network, int length, absl::string_view min, absl::string_view max);
Advertisement AdvertisementOf(int number);  // a vxlan node's; differs for each number

class BookBench {
 public:
  explicit BookBench(LeasePolicy policy = {}) : book(policy), follower(policy) {}

  // Commits, and applies to both books, what was decided. The answer is the change the nodes see.
  // Expects that the guards hold.
  BookChanges Run(const absl::StatusOr<Decision>& decision);
  // False, changing nothing, when a guard fails.
  bool TryRun(const Decision& decision, BookChanges* changes = nullptr);
  // Commits a write that no book decided.
  BookChanges Inject(const std::string& key, const std::string& value);

  void SetNetwork(const Network& network);
  // The subnets the node gets, as "10.3.1.0/24" or "10.3.1.0/24 fc00:0:0:1::/64"; or the error.
  std::string Acquire(const std::string& node_id, const std::vector<Prefix>& preferred = {});
  std::string Reserve(const std::string& node_id, const std::vector<Prefix>& subnets);
  std::string Release(const std::string& node_id);  // "" or the error
  void Upkeep(const absl::flat_hash_set<std::string>& alive, bool expire = true);
  std::string SubnetsOf(const std::string& node_id) const;

  // The invariants, and that two books fed the same feed are equal.
  void Check() const;

  absl::Time now = absl::FromUnixSeconds(1700000000);
  TestStore store;
  LeaseBook book, follower;
  std::vector<PeerChange> told;  // all PeerChanges so far
};

}  // namespace heddle::controller
