// The real nodes: some stay and carry traffic, the others leave, come back, die and move.
#pragma once

#include <cstdint>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/chaos/asking.h"
#include "tests/chaos/world.h"

namespace heddle::chaos {

// Of the main thread; no call blocks, except that BringAllBack awaits a removal under way.
class Churn {
 public:
  // Nodes from `first` on are its own; those before it, it only starts. `world` and `recorder`
  // outlive it.
  Churn(World* world, int first, std::uint64_t seed, Recorder* recorder);

  void StartAll();
  void Step(absl::Time now);
  void BringAllBack();
  // What the last nodes that came were given, or that they were not yet.
  void WriteDownAll();

  std::string Summary() const;
  int count() const { return left_ + killed_ + moves_; }
  const std::set<int>& moved() const { return moved_; }

 private:
  // A node that has been ended, and is removed until a controller says so.
  struct Removal {
    int number;
    std::future<bool> done;
    absl::Time back_at;
  };

  void StartNew(int number);
  void StartAgain(int number);
  void End(int number);
  void Move(int number);
  void TryToRemove();
  void Look();
  void WriteDown(int number, Operation::Outcome outcome, const std::string& subnet);
  int Below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }

  World* const world_;
  const int first_;
  std::mt19937_64 random_;
  Recorder* const recorder_;
  std::vector<std::unique_ptr<Asking>> controllers_;  // the removal's while there is one
  absl::Time next_ = absl::InfinitePast();
  std::map<int, absl::Time> unleased_;  // new nodes that have told nothing yet, since their start
  std::optional<Removal> removal_;
  std::map<int, absl::Time> away_;  // and when they come back
  std::set<int> moved_;             // at least once
  int left_ = 0, killed_ = 0, moves_ = 0;
};

}  // namespace heddle::chaos
