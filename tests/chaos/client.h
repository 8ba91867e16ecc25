// A client that never rests: leases are taken, given back and listed, through any controller.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/chaos/asking.h"

namespace heddle::chaos {

// What all clients share.
struct Playground {
  std::vector<Endpoint> controllers;
  std::vector<std::string> contended_subnets;  // that they ask for by name
  int nodes = 24;                              // that they all act for, named "p-1"...
};

class Client {
 public:
  // Begins at once, on a thread of its own; `recorder` outlives it.
  Client(int number, std::uint64_t seed, const Playground& playground, Recorder* recorder);
  ~Client();  // ends after the call that is under way

 private:
  void Run();
  void ActOnce();
  int Below(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }

  const Playground playground_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Asking>> controllers_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace heddle::chaos
