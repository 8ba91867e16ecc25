// Calls of IdentityService, on whichever controller answers. The header is free of gRPC's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/heddle/v1/identity.pb.h"
#include "identity/credentials.h"
#include "node/controller_addresses.h"

namespace heddle::node {

struct IdentityCallOptions {
  Resolve resolve = ResolveBySystem;
  std::string server_name;
  absl::Duration timeout = absl::Seconds(10);  // of one call; also of looking names up
  std::uint64_t seed = 0;                      // of the order in which controllers are tried
};

// One thread makes the calls, which block; another may Cancel.
class IdentityCalls {
 public:
  explicit IdentityCalls(IdentityCallOptions options);
  ~IdentityCalls();

  // Asks every address of `controllers` in random order until one answers or refuses; a refusal is
  // the cluster's and not one controller's. Unavailable: none did; the message has what became of
  // each. Anything else: the refusal, and whose it was.
  //
  // Without a certificate, believing `roots_pem` alone.
  absl::StatusOr<v1::IssuedCertificate> Join(const std::vector<std::string>& controllers,
                                             const std::string& roots_pem,
                                             const v1::JoinRequest& request);
  absl::StatusOr<v1::IssuedCertificate> Renew(const std::vector<std::string>& controllers,
                                              const identity::Credentials& credentials,
                                              const v1::RenewRequest& request);

  // Ends the present call and all later ones with Cancelled.
  void Cancel();

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace heddle::node
