// The engine of a controller that must survive its machine: the records are in an etcd cluster,
// every replica keeps a copy of them in its own RocksDB, and one of the replicas leads.
//
// One watch per replica brings the changes, in order: into the copy first, then to the subscribers.
// What is read with kLocal, listed and subscribed to comes from the copy, so a replica that starts
// while etcd is away serves what it had (Health::unreachable_since says since when). The copy is
// disposable: damaged, of another history or too old, it is filled anew from a listing, and the
// difference is delivered as one batch. A listing is compared with the copy every few minutes, too,
// since a watch of an old etcd is known to lose events.
//
// Keys in etcd, all under `prefix`: `data/` the records, `leader` the leader's Member under its
// lease, `member/<id>` each candidate's, `history` the history, `barrier` written to be seen.
//
// Every commit is fenced by the create revision of the leader key and guarded by the history's.
// A commit whose outcome is not known is Unknown; the engine never tries one again by itself.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/store.h"

namespace heddle::storage {

struct EtcdOptions {
  std::vector<std::string> endpoints;  // host:port
  std::string prefix = "/heddle/";     // ends with a slash; the cluster may hold more than ours
  std::string copy_path;               // directory of the copy; made (0700) when missing
  // TLS when any of the files is named. The certificate's common name is the etcd user, if etcd
  // has authentication on.
  std::string ca_file, certificate_file, key_file;
  std::string user, password_file;                  // instead of a certificate
  absl::Duration leader_ttl = absl::Seconds(5);     // at least 2 s
  absl::Duration call_timeout = absl::Seconds(3);   // for one call to one endpoint
  absl::Duration compare_every = absl::Minutes(5);  // the copy with a listing
  absl::Duration first_contact = absl::Seconds(5);  // before a copy is served without etcd
  std::size_t history_limit = 100'000;              // batches kept for subscribers that come back
};

// Returns when the copy is as new as etcd, or when etcd was not reached within `first_contact` and
// there is a copy to serve. Unavailable: neither; names the endpoints and what to check; try again.
// InvalidArgument: the options. PermissionDenied, Unauthenticated: etcd refuses us, and why.
// FailedPrecondition: another process has the copy. Destroy subscriptions and candidacies first.
absl::StatusOr<std::unique_ptr<Store>> OpenEtcdStore(const EtcdOptions& options);

}  // namespace heddle::storage
