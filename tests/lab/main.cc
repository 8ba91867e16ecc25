// main() of every test that uses the lab.
#include <cstdio>

#include "gtest/gtest.h"
#include "tests/lab/error.h"
#include "tests/lab/private_network.h"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  try {
    heddle::lab::EnterPrivateNetwork();
  } catch (const heddle::lab::LabError& error) {
    std::fprintf(stderr, "The lab cannot start: %s\n", error.what());
    return 1;
  }
  return RUN_ALL_TESTS();
}
