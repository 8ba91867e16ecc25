// What setting a network does (or would do), in sentences for an administrator. Pure.
#pragma once

#include <string>
#include <vector>

#include "controller/lease_book.h"

namespace heddle::controller {

std::vector<std::string> DescribeNetworkChange(const LeaseBook& book, const Network& next);

}  // namespace heddle::controller
