// Calls to an etcd cluster: which endpoint, how long, who we are, and what an error means.
//
// A call goes to the endpoint that served last; when that one fails, the next is tried for calls
// that may be repeated. Thread-safe. Callbacks come on gRPC's threads, once each, and none after
// the destructor has returned.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "storage/etcd/etcd.pb.h"

namespace heddle::storage {

struct EtcdOptions;

// One open bidirectional stream. Destroying it cancels the call (a half-closed watch never ends in
// etcd 3.4) and waits until no callback runs.
template <typename Request>
class EtcdStream {
 public:
  virtual ~EtcdStream() = default;
  virtual void Write(Request request) = 0;  // queued; lost when the stream ends
};

class EtcdClient {
 public:
  template <typename Response>
  using Done = std::function<void(absl::StatusOr<Response>)>;
  // What a stream says. `ended` is the last; Unavailable: try again, perhaps elsewhere.
  template <typename Response>
  struct StreamEvents {
    std::function<void(Response)> read;
    std::function<void(absl::Status)> ended;
  };
  using WatchStream = EtcdStream<etcdserverpb::WatchRequest>;
  using KeepAliveStream = EtcdStream<etcdserverpb::LeaseKeepAliveRequest>;

  // InvalidArgument: a file that cannot be read (names it), or an endpoint that is no host:port.
  static absl::StatusOr<std::unique_ptr<EtcdClient>> Create(const EtcdOptions& options);
  virtual ~EtcdClient() = default;

  // Reads, and what may be done twice, go to one endpoint after the other. Unavailable: none
  // answered. PermissionDenied, Unauthenticated (after one new login), OutOfRange (compacted),
  // ResourceExhausted (NOSPACE), InvalidArgument: as etcd says, and what to do.
  virtual void Range(etcdserverpb::RangeRequest request,
                     Done<etcdserverpb::RangeResponse> done) = 0;
  virtual void Put(etcdserverpb::PutRequest request, Done<etcdserverpb::PutResponse> done) = 0;
  virtual void LeaseGrant(etcdserverpb::LeaseGrantRequest request,
                          Done<etcdserverpb::LeaseGrantResponse> done) = 0;
  virtual void LeaseRevoke(etcdserverpb::LeaseRevokeRequest request,
                           Done<etcdserverpb::LeaseRevokeResponse> done) = 0;
  // Sent once. Unavailable: surely not applied. Unknown: perhaps applied.
  virtual void Txn(etcdserverpb::TxnRequest request, Done<etcdserverpb::TxnResponse> done) = 0;
  // Of each endpoint, in the order of the options.
  virtual void Status(int endpoint, Done<etcdserverpb::StatusResponse> done) = 0;

  // A member that has lost its leader ends these instead of being silent.
  virtual std::unique_ptr<WatchStream> Watch(StreamEvents<etcdserverpb::WatchResponse> events) = 0;
  virtual std::unique_ptr<KeepAliveStream> KeepAlive(
      StreamEvents<etcdserverpb::LeaseKeepAliveResponse> events) = 0;

  // From now on another endpoint is asked first. For who finds the present one silent.
  virtual void MoveOn() = 0;
  virtual const std::vector<std::string>& endpoints() const = 0;
};

}  // namespace heddle::storage
