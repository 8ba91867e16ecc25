// main() of chaos_test: its flags, a private network, and the tests.
#include <cstdio>
#include <random>

#include "CLI/CLI.hpp"
#include "gtest/gtest.h"
#include "tests/chaos/options.h"
#include "tests/lab/error.h"
#include "tests/lab/private_network.h"

namespace heddle::chaos {

ChaosOptions options;

}  // namespace heddle::chaos

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  heddle::chaos::ChaosOptions& options = heddle::chaos::options;
  int seconds = 60;
  CLI::App app("Kills, pauses and cuts off parts of a cluster, and checks what it promises.");
  options.seed = std::random_device()();
  app.add_option("--seed", options.seed, "Of all that is left to chance; random if not given.");
  app.add_option("--seconds", seconds, "How long faults go on.")
      ->check(CLI::Range(5, 86400))
      ->capture_default_str();
  app.add_option("--nodes", options.nodes, "Real nodes.")
      ->check(CLI::Range(8, 50))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  options.faults_for = absl::Seconds(seconds);
  std::printf("seed %llu; to have the same chances again: --seed=%llu\n",
              static_cast<unsigned long long>(options.seed),
              static_cast<unsigned long long>(options.seed));
  try {
    heddle::lab::EnterPrivateNetwork();
  } catch (const heddle::lab::LabError& error) {
    std::fprintf(stderr, "The lab cannot start: %s\n", error.what());
    return 1;
  }
  return RUN_ALL_TESTS();
}
