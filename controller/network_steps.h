// How a change of the network comes about: what happens in which order, and what the administrator
// has to run in between. Pure.
#pragma once

#include <string>
#include <vector>

#include "controller/lease_book.h"

namespace heddle::controller {

struct NetworkStep {
  std::string title;                  // one line
  std::vector<std::string> effects;   // what it does, one sentence each
  std::vector<std::string> commands;  // what the administrator runs; none: it happens by itself
};

// Of setting `next`, which LeaseBook::DecideSetNetwork accepts, on what `book` has; none when it is
// as asked already. One function per kind of change adds its steps.
std::vector<NetworkStep> PlanNetworkChange(const LeaseBook& book, const Network& next);

}  // namespace heddle::controller
