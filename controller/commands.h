// What the writer is asked, and what it answers, as plain values.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/peer.h"
#include "base/ip.h"
#include "controller/certificate_book.h"
#include "controller/lease_book.h"
#include "storage/store.h"

namespace heddle::controller {

struct AcquireRequest {
  std::string node_id;
  Advertisement advertisement;
  std::vector<Prefix> preferred;  // what the node had before
};

// A change of certificates and tokens.
struct CertificateChange {
  // Those of one queue are made one after the other: the token that is used, or whatever else they
  // would only get into each other's way about.
  std::string queue;
  // Whose certificates it adds to or revokes, "node/h1": no other such change is decided while this
  // one is in flight. Empty: it looks at one record alone.
  std::string principal;
  // Asked when its turn has come, and again when the store turned out to be newer: must be
  // idempotent. On the writer's thread.
  std::function<absl::StatusOr<storage::Transaction>(const CertificateBook& book, absl::Time now)>
      decide;
};

// A lease as committed, applied and published.
struct LeaseGrant {
  Lease lease;
  storage::Revision revision = 0;
  // Not OK: the lease is as it was before, and this is why it was not changed as asked.
  absl::Status refused = absl::OkStatus();
};

// A change that is committed, applied and published. `changed` is false when the book already was
// as asked; `revision` is then the book's.
struct Committed {
  storage::Revision revision = 0;
  bool changed = false;
};

}  // namespace heddle::controller
