// The steps of growing a range, and of moving to another one node by node. Pure.
#pragma once

#include <vector>

#include "controller/lease_book.h"
#include "controller/network_step.h"

namespace heddle::controller {

// Adds what follows once `next` is set, as LeaseBook::Settle gave it; while a move is under way
// that is what is left of it. Commands name each node.
void AddRangeSteps(const LeaseBook& book, const Network& next, std::vector<NetworkStep>* steps);

}  // namespace heddle::controller
