// Judges a history: is there one order of all operations, each taking effect at one moment between
// its question and its answer, that explains every answer? Pure.
//
// Each subnet is a register that holds the node it is leased to, or nothing. An acquire sets it
// when it is free or the node's already; a release empties it of that node; a list reads it. Each
// node is such a register, too, of the subnet it has. Registers are judged one by one, which says
// as much as judging them together. Within that, operations keep the order of their revisions,
// where they have any: a list shows what was written up to its revision, and nothing later.
//
// Leases must not expire during the history.
#pragma once

#include <string>

#include "tests/chaos/history.h"

namespace heddle::chaos {

// "" if there is such an order. Else the subnet or the node whose answers have none, with a few
// operations that contradict each other, one a line, times in seconds since the first invocation.
// `around`, if given, gets every call for the nodes in question up to then, whatever came of it.
std::string FindContradiction(const History& history, std::string* around = nullptr);

}  // namespace heddle::chaos
