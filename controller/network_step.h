// One step in which a change of the network comes about.
#pragma once

#include <string>
#include <vector>

namespace heddle::controller {

struct NetworkStep {
  std::string title;                  // one line
  std::vector<std::string> effects;   // what it does, one sentence each
  std::vector<std::string> commands;  // what the administrator runs; none: it happens by itself
};

}  // namespace heddle::controller
