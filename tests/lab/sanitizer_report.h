// What programs that were built with a sanitizer print, and tests must not pass over.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace heddle::lab {

// The first line of `output` that a sanitizer wrote; empty: there is none.
std::string SanitizerReport(absl::string_view output);

// The running test has failed when there is one in what `program` printed, whatever it exited with:
// a program that was to fail, or was killed anyway, hides it else.
void ExpectNoSanitizerReport(absl::string_view program, absl::string_view output);

}  // namespace heddle::lab
