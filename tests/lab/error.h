// How the lab reports that it could not do what a test asked for (not that the product is wrong).
#pragma once

#include <stdexcept>
#include <string>

namespace heddle::lab {

// Thrown by everything in tests/lab. GoogleTest reports it as the failure of the running test, and
// the destructors on the way end processes and namespaces. The message names the object and the
// reason.
class LabError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Throws LabError("<what>: <errno's text>").
[[noreturn]] void ThrowErrno(const std::string& what);

}  // namespace heddle::lab
