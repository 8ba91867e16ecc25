// heddle-forwarder, which is nobody's child: it outlives the heddle-node that started it, so the
// lab has to find it and end it itself.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace heddle::lab {

// Ids of the processes of this lab that were started as `heddle-forwarder --socket <socket_path>`;
// more than one only while one takes over from another. None for a process that has ended and
// nobody has waited for.
std::vector<pid_t> ForwardersAt(const std::string& socket_path);

// Ends them (SIGTERM, and SIGKILL five seconds later) and waits until they are gone. Throws
// LabError if one of them stays.
void EndForwardersAt(const std::string& socket_path);

}  // namespace heddle::lab
