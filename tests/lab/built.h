// Programs that were built with the test.
#pragma once

#include <optional>
#include <string>

namespace heddle::lab {

// Where `path` ("node/heddle-node") is. Throws LabError when the test's `data` does not name it.
std::string Built(const std::string& path);
// The same, but nothing where it does not.
std::optional<std::string> BuiltIfNamed(const std::string& path);

}  // namespace heddle::lab
