// Where SelectUnderlay looks for the underlay: what the options name, or what the routes say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "node/host/host_facts.h"

namespace heddle::node {

// A link that may serve, with the addresses that brought us to it, dearest first.
struct Candidate {
  const HostInventory::Link* link = nullptr;
  std::vector<Ip> addresses;
};

// Whether the underlay may be chosen without being named: not loopback, not ours.
bool MayBeUnderlay(const HostInventory::Link& link);

// Finds candidates in the order of preference, and keeps what was looked at in vain. Holds
// references to its arguments.
class CandidateSearch {
 public:
  CandidateSearch(const HostInventory& inventory, const UnderlayOptions& options,
                  const std::vector<Family>& wanted)
      : inventory_(inventory), options_(options), wanted_(wanted) {}

  // InvalidArgument: a regular expression is wrong.
  absl::StatusOr<std::vector<Candidate>> Find();
  const std::vector<std::string>& in_vain() const { return in_vain_; }

 private:
  absl::StatusOr<std::vector<Candidate>> ByOptions();
  std::vector<Candidate> ByIface(const std::string& entry);
  absl::StatusOr<std::vector<Candidate>> ByRegex(const std::string& text);
  std::vector<Candidate> ByReach(const Ip& target);
  std::vector<Candidate> ByPublicAddress();
  std::vector<Candidate> ByDefaultRoute();

  bool Wants(Family family) const;
  const HostInventory::Link* LinkOf(int index) const;  // nullptr: none that may be the underlay
  std::optional<std::uint32_t> DefaultMetric(const HostInventory::Link& link, Family family) const;

  const HostInventory& inventory_;
  const UnderlayOptions& options_;
  const std::vector<Family>& wanted_;
  std::vector<std::string> in_vain_;
};

}  // namespace heddle::node
