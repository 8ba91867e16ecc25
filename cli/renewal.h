// heddlectl's own certificate: asked for with a key that is made here, and renewed before it ends.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/heddle/v1/identity.pb.h"
#include "cli/client.h"
#include "cli/identity_choice.h"
#include "identity/principal.h"
#include "identity/private_key.h"

namespace heddle::cli {

// Whether `identity` is an identity file of this user's that is in the last third of its life.
bool MayRenew(const Identity& identity, absl::Time now);

// Asks for the next certificate, with a new key, and replaces the identity file. On error the file
// is as it was.
absl::StatusOr<identity::Credentials> RenewIdentity(const Identity& identity, AdminClient* client);

// What a controller issued for `key`. Internal: it is for another key or principal, or
// cannot be read.
absl::StatusOr<identity::Credentials> CheckIssued(const v1::IssuedCertificate& issued,
                                                  const identity::PrivateKey& key,
                                                  const identity::Principal& principal);

}  // namespace heddle::cli
