// Programs that were built with the test.
#pragma once

#include <string>

namespace heddle::lab {

// Where `path` ("node/heddle-node") is. Throws LabError when the test's `data` does not name it.
std::string Built(const std::string& path);

}  // namespace heddle::lab
