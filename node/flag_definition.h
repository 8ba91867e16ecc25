// How heddle-node's flags are defined: each with its environment variable.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace heddle::node {

inline std::string EnvironmentName(std::string flag) {
  for (char& c : flag) c = c == '-' ? '_' : absl::ascii_toupper(c);
  return absl::StrCat("HEDDLE_NODE_", flag);
}

// Adds flags of any type alike: with their variable, and the default, if any, in the help. `what`
// is the kind of value.
template <typename T>
CLI::Option* Add(CLI::App* app, const std::string& name, const std::string& what, T* value,
                 const std::string& meaning) {
  CLI::Option* option = app->add_option(absl::StrCat("--", name), *value, meaning)
                            ->envname(EnvironmentName(name))
                            ->type_name(what)
                            ->allow_extra_args(false);
  if (!(*value == T())) option->capture_default_str();
  return option;
}

// Bare, or with =true or =false, as flannel's.
inline void AddSwitch(CLI::App* app, const std::string& name, bool* value,
                      const std::string& meaning) {
  app->add_flag(absl::StrCat("--", name), *value,
                absl::StrCat(meaning, " (--", name, " or --", name, "=true, --", name,
                             "=false; default ", *value ? "true" : "false", ")"))
      ->envname(EnvironmentName(name));
}

}  // namespace heddle::node
