// What goes wrong, and when: kills, pauses and cuts of etcd members and controllers, by a seed.
//
// Of etcd at most a minority is hit at once, except in an outage: then a majority is, for a few
// seconds, and nothing can be written. Controllers are hit as chance has it, all of them too.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/chaos/world.h"

namespace heddle::chaos {

class Faults {
 public:
  // `world` outlives it.
  Faults(World* world, std::uint64_t seed);

  // Begins and ends what is due; call it every few tens of milliseconds, on the main thread.
  void Step(absl::Time now);
  // Ends all, and begins none any more.
  void HealAll();

  // While no majority of etcd can have worked, begin and end.
  struct Outage {
    absl::Time begin, end;
  };
  const std::vector<Outage>& outages() const { return outages_; }
  // How often what was done, for the reader: "kill controller: 7, ...".
  std::string Summary() const;
  int count() const;
  // What was done when, one a line.
  const std::string& log() const { return log_; }

 private:
  struct Active {
    Server* server;
    absl::Time until;
  };

  void Begin(Server* server, absl::Time until);
  void BeginOutage(absl::Time now);
  void Note(const std::string& what);
  std::string Cut(Server* server);
  absl::Duration Between(absl::Duration least, absl::Duration most);
  int Below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
  bool MinorityOfEtcdWouldBeHit() const;

  World* const world_;
  std::mt19937_64 random_;
  const absl::Time began_;
  absl::Time next_;
  std::vector<Active> active_;
  bool in_outage_ = false;
  std::vector<Outage> outages_;
  std::map<std::string, int> counts_;
  std::string log_;
};

}  // namespace heddle::chaos
