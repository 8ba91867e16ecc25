// Calls to an etcd cluster: which endpoint, how long, who we are, and what an error means.
//
// A call goes to the endpoint that served last; when that one fails, the next is tried for calls
// that may be repeated. Thread-safe. Callbacks come on gRPC's threads (or the caller's), once each,
// and none after the destructor has returned. None may block, or destroy the client or a stream.
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
// etcd 3.4) and waits until no callback runs; `ended` is not called then. To be destroyed before
// its client.
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
  // What a stream says. `ended` is the last, and never OK; Unavailable: open another, which goes to
  // the endpoint that is asked first by then.
  template <typename Response>
  struct StreamEvents {
    std::function<void(Response)> read;
    std::function<void(absl::Status)> ended;
  };
  using WatchStream = EtcdStream<etcdserverpb::WatchRequest>;
  using KeepAliveStream = EtcdStream<etcdserverpb::LeaseKeepAliveRequest>;

  // InvalidArgument: a file that cannot be read (names it), or an endpoint that is no host:port.
  // Connects to nothing yet.
  static absl::StatusOr<std::unique_ptr<EtcdClient>> Create(const EtcdOptions& options);
  virtual ~EtcdClient() = default;

  // Reads, and what may be done twice, go to one endpoint after the other, with the time of a call
  // for each. Unavailable: none answered. PermissionDenied, Unauthenticated (after one new login),
  // OutOfRange (compacted), FailedPrecondition (a revision that is not reached yet), NotFound (the
  // lease), ResourceExhausted (NOSPACE), InvalidArgument: as etcd says, and what to do.
  virtual void Range(etcdserverpb::RangeRequest request,
                     Done<etcdserverpb::RangeResponse> done) = 0;
  virtual void Put(etcdserverpb::PutRequest request, Done<etcdserverpb::PutResponse> done) = 0;
  virtual void LeaseGrant(etcdserverpb::LeaseGrantRequest request,
                          Done<etcdserverpb::LeaseGrantResponse> done) = 0;
  virtual void LeaseRevoke(etcdserverpb::LeaseRevokeRequest request,
                           Done<etcdserverpb::LeaseRevokeResponse> done) = 0;
  // Sent again only while nothing has left for etcd. Unknown: perhaps applied. Any other error:
  // surely not applied.
  virtual void Txn(etcdserverpb::TxnRequest request, Done<etcdserverpb::TxnResponse> done) = 0;
  // Of one endpoint, by its place in the options, even when it has no leader.
  virtual void Status(int endpoint, Done<etcdserverpb::StatusResponse> done) = 0;

  // A member that has lost its leader ends these instead of being silent; so does the client when
  // it moves on from their endpoint. A watch that etcd cancels for want of permission may have had
  // an old token: any unary call tells which.
  virtual std::unique_ptr<WatchStream> Watch(StreamEvents<etcdserverpb::WatchResponse> events) = 0;
  virtual std::unique_ptr<KeepAliveStream> KeepAlive(
      StreamEvents<etcdserverpb::LeaseKeepAliveResponse> events) = 0;

  // From now on another endpoint is asked first, and the streams of the present one end. For who
  // finds it silent.
  virtual void MoveOn() = 0;
  virtual const std::vector<std::string>& endpoints() const = 0;
};

}  // namespace heddle::storage
