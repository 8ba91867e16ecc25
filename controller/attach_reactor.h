// One node's gRPC stream around its NodeStream: the lock, one write at a time, and the end.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/token_bucket.h"
#include "controller/access.h"
#include "controller/node_stream.h"

namespace heddle::controller {

// A longer message of a node's ends its stream.
inline constexpr std::size_t kMaxNodeMessageBytes = 256 << 10;
// What is read of one stream: each message counts once, and once more for each kBytesPerToken. Who
// sends more is not read from for a while, and then gRPC's flow control stops it; the burst is the
// answers of a node that was asked to probe ten thousand peers.
inline constexpr Rate kReadRate{1000, 200};
inline constexpr std::size_t kBytesPerToken = 4096;

// In the audit log.
inline constexpr char kAttachAction[] = "Attach";

// Lives until gRPC is done with it and nobody else holds it. Thread-safe. No lock is held while a
// read, write or finish is started, and none while another stream is called.
class AttachReactor final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                            public LiveStream,
                            public std::enable_shared_from_this<AttachReactor> {
 public:
  using SubmitFor =
      std::function<absl::Status(std::shared_ptr<AttachReactor>, AcquireRequest request)>;
  struct Wiring {
    const NodeStream::Shared* shared = nullptr;
    const Clock* clock = nullptr;
    SubmitFor submit;
    // Finds out where the store stands, for OnPosition.
    std::function<void(std::shared_ptr<AttachReactor>)> ask_position;
    std::function<void(AttachReactor*)> done;  // gRPC is done with it
    const Access* access = nullptr;
  };

  AttachReactor(grpc::CallbackServerContext* context, const Caller& caller, const Wiring* wiring);

  // Once, when it is owned by a shared_ptr: starts to read.
  void Begin();
  // Holds `what` until gRPC is done with the call. After Begin.
  void Keep(std::shared_ptr<void> what);
  // Sends what there is to send, if no write is under way.
  void Kick();
  // Like Kick, when the time for it has come; also ends what took too long.
  void KickIfDue(absl::Time now);
  void OnGrant(const absl::StatusOr<LeaseGrant>& grant);
  void OnNetworkChange();
  void OnPosition(const absl::StatusOr<storage::Position>& position);

  void Close(absl::Status why) override;
  void SendAcceptRemovals() override;
  void SendProbeRequest(const ProbeRequest& request) override;
  void OnOwnChange(const PeerChange& change) override;

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // Calls `act` on the stream under the lock, then ends the stream if that failed, or sends.
  template <typename Act>
  void With(Act act);
  void Send();
  void Read();
  void FinishIfOver();
  void End(absl::Status why);
  // A node is itself: before anything is told.
  absl::Status CheckHello(const v1::Hello& hello) const;
  void RecordClaim(const absl::Status& refused);

  grpc::CallbackServerContext* const context_;
  const Caller caller_;
  const Wiring* const wiring_;
  std::shared_ptr<AttachReactor> self_;  // until OnDone
  grpc::ByteBuffer incoming_, outgoing_;

  Mutex mutex_;
  std::optional<NodeStream> stream_ ABSL_GUARDED_BY(mutex_);  // gone once it is ending
  TokenBucket reads_ ABSL_GUARDED_BY(mutex_);
  double unpaid_ ABSL_GUARDED_BY(mutex_) = 0;  // for what was read last
  // The next read waits until then; InfiniteFuture: it does not wait.
  absl::Time read_at_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  int starting_reads_ ABSL_GUARDED_BY(mutex_) = 0;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status recorded_claim_ ABSL_GUARDED_BY(mutex_);
  grpc::Status end_status_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<void> kept_ ABSL_GUARDED_BY(mutex_);
  absl::Time cancel_at_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
};

}  // namespace heddle::controller
