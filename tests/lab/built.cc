#include "tests/lab/built.h"

#include <filesystem>

#include "tests/lab/error.h"

namespace heddle::lab {

// Tests start at the top of the tree.
std::string Built(const std::string& path) {
  const std::string absolute = std::filesystem::absolute(path);
  if (!std::filesystem::exists(absolute)) {
    throw LabError(path + " was not built with this test; name it in the test's data");
  }
  return absolute;
}

}  // namespace heddle::lab
