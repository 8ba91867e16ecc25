// The transactions of a session, and what their refusals tell. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "storage/etcd/etcd.pb.h"
#include "storage/store.h"

namespace heddle::storage {

class SessionRequests {
 public:
  SessionRequests(const std::string& prefix, const Member& self);

  // This member's entry under `lease`, if the key's mod revision is `modified` (0: absent). Reads
  // it when it is not.
  etcdserverpb::TxnRequest PutEntry(std::int64_t lease, std::int64_t modified) const;
  // The leader key under `lease`, if it is absent.
  etcdserverpb::TxnRequest Campaign(std::int64_t lease) const;
  // Deletes the leader key, if it was created at `created`.
  etcdserverpb::TxnRequest DeleteLead(std::int64_t created) const;

  // What a refused PutEntry has read. A holder that cannot be decoded has no id; an entry that has
  // gone meanwhile has a mod revision of 0.
  struct Seen {
    Member holder;
    std::int64_t lease = 0, mod_revision = 0;
  };
  static Seen FirstRead(const etcdserverpb::TxnResponse& response);

 private:
  const std::string leader_key_, entry_key_, value_;
};

}  // namespace heddle::storage
