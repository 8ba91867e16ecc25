// The name of this host, as a default for ids.
#pragma once

#include <string>

namespace heddle {

// As the kernel has it, in lower case; empty when it has none.
std::string HostName();

}  // namespace heddle
