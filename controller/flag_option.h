// Flags of any type, added alike: with their environment variable, and the default, if any, in the
// help.
#pragma once

#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace heddle::controller {

inline std::string VariableOf(const std::string& name) {
  std::string variable = absl::StrCat("HEDDLE_CONTROLLER_", absl::AsciiStrToUpper(name));
  for (char& c : variable) c = c == '-' ? '_' : c;
  return variable;
}

// `what` is the kind of value.
template <typename T>
CLI::Option* Add(CLI::App* app, const std::string& name, const std::string& what, T* value,
                 const std::string& meaning) {
  CLI::Option* option =
      app->add_option("--" + name, *value, meaning)->envname(VariableOf(name))->type_name(what);
  if (!(*value == T())) option->capture_default_str();
  return option;
}

}  // namespace heddle::controller
