// The gRPC service that programs get their certificates from. Any controller serves it, through the
// leader.
//
// Who has no certificate can ask to join, and so can the whole world: what one address may ask is
// bounded before anything is looked at.
#pragma once

#include <memory>

#include "base/clock.h"
#include "controller/access.h"
#include "controller/issuing_calls.h"
#include "controller/leader_proxy.h"

namespace grpc {
class Service;
}

namespace heddle::controller {

// Thread-safe. Everything in the wiring outlives it; the gRPC server ends before it does.
class IdentityService {
 public:
  struct Wiring {
    const Access* access = nullptr;
    LeaderProxy* proxy = nullptr;
    const IssuingCalls* issuing = nullptr;
    const Clock* clock = nullptr;
  };

  explicit IdentityService(const Wiring& wiring);
  ~IdentityService();

  grpc::Service* service();

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace heddle::controller
