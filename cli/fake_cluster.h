// One authority for a test program, and identity files of what it issues.
#pragma once

#include <string>

#include "identity/authority.h"
#include "identity/test_credentials.h"

namespace heddle::cli {

// Signs whatever is asked for.
const identity::Authority& FakeAuthority();

// Writes an identity file of `principal` under TEST_TMPDIR and answers with its path; another one
// each time.
std::string FakeIdentityFile(const std::string& principal, const identity::TestTerm& term = {},
                             const identity::Authority& authority = FakeAuthority());

// Of an administrator, for whom it does not matter which.
const std::string& FakeAdminFile();

}  // namespace heddle::cli
