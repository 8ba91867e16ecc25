// What `heddle-node show` says of heddle-forwarder.
#pragma once

#include <string>

namespace heddle::node {

// One line for each thing: the program, which of the kernel's features it uses, and what it has
// counted since it started. Why there is nothing to say, where there is none or it does not answer.
std::string ReportForwarder(const std::string& socket_path);

}  // namespace heddle::node
