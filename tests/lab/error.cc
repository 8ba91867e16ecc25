#include "tests/lab/error.h"

#include <cerrno>
#include <cstring>

namespace heddle::lab {

void ThrowErrno(const std::string& what) { throw LabError(what + ": " + std::strerror(errno)); }

}  // namespace heddle::lab
