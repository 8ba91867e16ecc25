#include "tests/lab/built.h"

#include <filesystem>

#include "tests/lab/error.h"

namespace heddle::lab {

// Tests start at the top of the tree.
std::optional<std::string> BuiltIfNamed(const std::string& path) {
  const std::string absolute = std::filesystem::absolute(path);
  if (!std::filesystem::exists(absolute)) return {};
  return absolute;
}

std::string Built(const std::string& path) {
  const std::optional<std::string> built = BuiltIfNamed(path);
  if (!built) throw LabError(path + " was not built with this test; name it in the test's data");
  return *built;
}

}  // namespace heddle::lab
