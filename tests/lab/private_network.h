// A network and a file tree of the test's own.
#pragma once

namespace heddle::lab {

// Moves this process into a new network namespace and a new mount namespace with an empty /run, so
// that nothing a test does reaches the machine, several tests may run at once, and all of it is
// gone when the test ends, however it ends. Call once, first thing in main; needs root. Throws
// LabError.
void EnterPrivateNetwork();

}  // namespace heddle::lab
