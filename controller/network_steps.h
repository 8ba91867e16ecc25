// How a change of the network comes about: what happens in which order, and what the administrator
// has to run in between. Pure.
#pragma once

#include <vector>

#include "controller/lease_book.h"
#include "controller/network_step.h"

namespace heddle::controller {

// Of setting `next`, as LeaseBook::Settle gave it, on what `book` has; none when it is as asked
// already, but for what is left of a move to another range. One function per kind of change adds
// its steps.
std::vector<NetworkStep> PlanNetworkChange(const LeaseBook& book, const Network& next);

}  // namespace heddle::controller
