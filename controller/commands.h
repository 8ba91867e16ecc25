// What the writer is asked, and what it answers, as plain values.
#pragma once

#include <string>
#include <vector>

#include "api/peer.h"
#include "base/ip.h"
#include "controller/lease_book.h"
#include "storage/store.h"

namespace heddle::controller {

struct AcquireRequest {
  std::string node_id;
  Advertisement advertisement;
  std::vector<Prefix> preferred;  // what the node had before
};

// A lease as committed, applied and published.
struct LeaseGrant {
  Lease lease;
  storage::Revision revision = 0;
};

// A change that is committed, applied and published. `changed` is false when the book already was
// as asked; `revision` is then the book's.
struct Committed {
  storage::Revision revision = 0;
  bool changed = false;
};

}  // namespace heddle::controller
