// Credentials for tests, as a cluster's own authority issues them.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "identity/authority.h"
#include "identity/credentials.h"
#include "identity/principal.h"

namespace heddle::identity {

struct TestTerm {
  absl::Time not_before = absl::Now() - absl::Hours(1);
  absl::Time not_after = absl::Now() + absl::Hours(1);
};

// These end the test program when they cannot.
Authority MakeTestAuthority();
// `principal` as "node/h1". With a key of its own, and the authority's root to believe.
Credentials MakeTestCredentials(const Authority& authority, absl::string_view principal,
                                const TestTerm& term = {});

}  // namespace heddle::identity
