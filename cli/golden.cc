#include "cli/golden.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"

namespace heddle::cli {

void ExpectGolden(const std::string& name, const std::string& actual) {
  if (const char* folder = std::getenv("HEDDLE_UPDATE_GOLDEN")) {
    EXPECT_TRUE(WriteFileAtomically(std::string(folder) + "/" + name, actual, 0644).ok());
    ADD_FAILURE() << "wrote " << name;
    return;
  }
  const auto expected = ReadFile("cli/testdata/" + name);
  ASSERT_TRUE(expected.ok()) << expected.status();
  EXPECT_EQ(*expected, actual) << "against cli/testdata/" << name;
}

}  // namespace heddle::cli
