// A kernel in memory that behaves as the real one where it matters: what stands on something
// missing is refused, and events make it forget what the real one forgets. With knobs for faults.
// For tests and the simulation.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "node/dataplane/dataplane.h"

namespace heddle::node {

class FakeDataplane final : public Dataplane {
 public:
  struct Faults {
    // Asked for each operation; anything but OK refuses it.
    std::function<absl::Status(const Operation&)> refuse;
    double refuse_probability = 0;  // of any operation
    double read_probability = 0;    // of a whole Read failing
  };

  // Chance follows from `seed` alone. `host_links` are the host's own devices.
  explicit FakeDataplane(std::uint64_t seed, absl::btree_set<std::string> host_links = {"eth0"});

  absl::StatusOr<NetworkState> Read() override;
  std::vector<Failure> Apply(const std::vector<Operation>& operations) override;

  Faults faults;

  // Events, each with what the real kernel forgets at it.
  void CycleUnderlay(const std::string& host_link);      // down and up: routes through it
  void DeleteUnderlay(const std::string& host_link);     // and all devices on it
  void RestoreUnderlay(const std::string& host_link);    // it is there again
  void CycleLink(const std::string& link);               // routes, nexthops, neighbours
  void SetMac(const std::string& link, const Mac& mac);  // neighbours
  void FlushAddresses(const std::string& link);          // addresses; IPv4 neighbours and routes
  void SetMtu(const std::string& link, int mtu_bytes);
  void FlushRoutes();
  void DeleteLink(const std::string& link);
  void FlushRules();
  void Reboot();  // everything

  const NetworkState& state() const { return state_; }
  // Operations carried out since the start; what a quiet system must not raise.
  std::uint64_t operation_count() const { return operation_count_; }
  std::uint64_t read_count() const { return read_count_; }

 private:
  bool Happens(double probability);

  std::mt19937_64 random_;
  absl::btree_set<std::string> host_links_;
  NetworkState state_;
  std::uint64_t operation_count_ = 0, read_count_ = 0;
};

}  // namespace heddle::node
