// YAML text of a JSON value: block style, keys in the value's order. Pure.
#pragma once

#include <string>

#include "cli/json.h"

namespace heddle::cli {

// Every string that YAML 1.1 or 1.2 could read as something else (a number, a boolean, null, a
// date, syntax) is double-quoted, so that parsing the result gives `value` back.
std::string ToYaml(const Json& value);

}  // namespace heddle::cli
