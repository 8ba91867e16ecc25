// The JSON of every answer: keys keep the order in which they were set, so output is stable.
#pragma once

#include <nlohmann/json.hpp>

namespace heddle::cli {

using Json = nlohmann::ordered_json;

}  // namespace heddle::cli
