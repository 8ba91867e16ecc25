#include "controller/attach_reactor.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "controller/grpc_bytes.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

// A peer that takes nothing off the wire is not waited for longer than this when its stream ends.
constexpr absl::Duration kFlushWithin = absl::Seconds(5);

}  // namespace

AttachReactor::AttachReactor(grpc::CallbackServerContext* context, const Caller& caller,
                             const Wiring* wiring)
    : context_(context),
      caller_(caller),
      wiring_(wiring),
      reads_(kReadRate, wiring->clock->Now()) {}

void AttachReactor::Begin() {
  self_ = shared_from_this();
  {
    MutexLock lock(&mutex_);
    std::weak_ptr<AttachReactor> weak = self_;
    stream_.emplace(
        wiring_->shared, PeerAddress(context_->peer()), weak,
        [this, weak](AcquireRequest request) {
          const std::shared_ptr<AttachReactor> self = weak.lock();
          if (self == nullptr) return absl::CancelledError("the stream has ended");
          return wiring_->submit(self, std::move(request));
        },
        wiring_->clock->Now());
  }
  Read();
}

template <typename Act>
void AttachReactor::With(Act act) {
  absl::Status status;
  std::shared_ptr<LiveStream> displaced;
  bool ask_position = false;
  {
    MutexLock lock(&mutex_);
    if (!stream_) return;
    status = act(&*stream_);
    displaced = stream_->TakeDisplaced();
    ask_position = stream_->TakeAskPosition();
  }
  if (ask_position) wiring_->ask_position(shared_from_this());
  if (displaced != nullptr) {
    displaced->Close(absl::AbortedError("a newer stream of this node has taken over"));
  }
  if (status.ok()) {
    Send();
  } else {
    End(std::move(status));
  }
}

void AttachReactor::Keep(std::shared_ptr<void> what) {
  MutexLock lock(&mutex_);
  kept_ = std::move(what);
}

void AttachReactor::Kick() { Send(); }

void AttachReactor::KickIfDue(absl::Time now) {
  bool due = false, may_read = false;
  absl::Status status;
  {
    MutexLock lock(&mutex_);
    if (now >= cancel_at_ && !finished_) {
      cancel_at_ = absl::InfiniteFuture();
      context_->TryCancel();  // under the lock: once finished, the context may be gone
    }
    may_read = now >= read_at_;
    if (may_read) read_at_ = absl::InfiniteFuture();
    if (stream_) {
      status = stream_->CheckDeadline(now);
      due = now >= stream_->deadline();
    }
  }
  if (!status.ok()) {
    End(std::move(status));
  } else if (due) {
    Send();
  }
  if (may_read) Read();
}

// The next message, when what was read before is paid for; else KickIfDue reads on.
void AttachReactor::Read() {
  {
    MutexLock lock(&mutex_);
    if (ending_) return;
    const absl::Time now = wiring_->clock->Now();
    if (!reads_.Take(now, unpaid_)) {
      read_at_ = reads_.ReadyAt(now, unpaid_);
      return;
    }
    unpaid_ = 0;
    ++starting_reads_;  // gRPC must not be told of the end meanwhile
  }
  StartRead(&incoming_);
  {
    MutexLock lock(&mutex_);
    --starting_reads_;
  }
  FinishIfOver();
}

void AttachReactor::OnGrant(const absl::StatusOr<LeaseGrant>& grant) {
  if (grant.ok()) RecordClaim(grant->refused);
  With([&](NodeStream* stream) { return stream->OnGrant(grant); });
}

void AttachReactor::OnNetworkChange() {
  With([](NodeStream* stream) { return stream->OnNetworkChange(); });
}

void AttachReactor::OnPosition(const absl::StatusOr<storage::Position>& position) {
  With([&](NodeStream* stream) { return stream->OnPosition(position, wiring_->clock->Now()); });
}

void AttachReactor::OnOwnChange(const PeerChange& change) {
  With([&](NodeStream* stream) { return stream->OnOwnChange(change); });
}

void AttachReactor::SendAcceptRemovals() {
  With([](NodeStream* stream) {
    stream->AcceptRemovals();
    return absl::OkStatus();
  });
}

void AttachReactor::SendProbeRequest(const ProbeRequest& request) {
  With([&](NodeStream* stream) {
    stream->AskToProbe(request);
    return absl::OkStatus();
  });
}

void AttachReactor::Close(absl::Status why) { End(std::move(why)); }

void AttachReactor::Send() {
  {
    MutexLock lock(&mutex_);
    if (!stream_ || writing_) return;
    const Frame frame = stream_->Next(wiring_->clock->Now());
    if (frame == nullptr) return;
    outgoing_ = ToByteBuffer(frame);
    writing_ = true;
  }
  StartWrite(&outgoing_);
}

// What is another's: an address, or the id of a node that is there. In the audit log, once.
void AttachReactor::RecordClaim(const absl::Status& refused) {
  if (!caller_.secure) return;
  {
    MutexLock lock(&mutex_);
    if (ending_ || refused == recorded_claim_) return;
    recorded_claim_ = refused;
  }
  if (!absl::IsAlreadyExists(refused)) return;
  wiring_->access->RecordRefusal(caller_, kAttachAction, caller_.principal.name, refused);
}

// The stream is over at once; gRPC hears of it when no write is under way.
void AttachReactor::End(absl::Status why) {
  RecordClaim(why);
  grpc::Status status = ToGrpc(why);
  {
    MutexLock lock(&mutex_);
    if (ending_) return;
    ending_ = true;
    if (!why.ok() && stream_) {
      const std::string& id = stream_->node_id();
      // The end of this controller says itself what becomes of all its streams.
      const auto level = absl::IsUnavailable(why) ? spdlog::level::debug : spdlog::level::info;
      spdlog::log(level, "the stream from {} of {} ends: {}", PeerAddress(context_->peer()),
                  id.empty() ? "a node not named yet" : absl::StrCat("node '", id, "'"),
                  std::string(why.message()));
    }
    stream_.reset();
    end_status_ = status;
    if (writing_) cancel_at_ = wiring_->clock->Now() + kFlushWithin;
  }
  FinishIfOver();
}

void AttachReactor::FinishIfOver() {
  grpc::Status status;
  {
    MutexLock lock(&mutex_);
    if (!ending_ || finished_ || writing_ || starting_reads_ > 0) return;
    finished_ = true;
    status = end_status_;
  }
  Finish(std::move(status));
}

void AttachReactor::OnReadDone(bool ok) {
  if (!ok) {
    End(absl::OkStatus());
    return;
  }
  const std::size_t size_bytes = incoming_.Length();
  if (size_bytes > kMaxNodeMessageBytes) {
    End(absl::ResourceExhaustedError(
        absl::StrCat("a message of ", size_bytes, " bytes; at most ", kMaxNodeMessageBytes)));
    return;
  }
  v1::NodeMessage message;
  if (!ParseByteBuffer(incoming_, &message)) {
    End(absl::InvalidArgumentError("a message that cannot be decoded"));
    return;
  }
  incoming_.Clear();
  if (message.has_hello()) {
    if (absl::Status status = CheckHello(message.hello()); !status.ok()) {
      End(std::move(status));
      return;
    }
  }
  With([&](NodeStream* stream) { return stream->OnMessage(message, wiring_->clock->Now()); });
  {
    MutexLock lock(&mutex_);
    unpaid_ = 1 + static_cast<double>(size_bytes) / kBytesPerToken;
  }
  Read();
}

absl::Status AttachReactor::CheckHello(const v1::Hello& hello) const {
  const absl::Status status = caller_.RequireNode(hello.node_id());
  if (!status.ok()) wiring_->access->RecordRefusal(caller_, kAttachAction, hello.node_id(), status);
  return status;
}

void AttachReactor::OnWriteDone(bool ok) {
  {
    MutexLock lock(&mutex_);
    writing_ = false;
  }
  FinishIfOver();
  if (ok) {
    Send();
  } else {
    End(absl::CancelledError("the connection was lost"));
  }
}

void AttachReactor::OnCancel() { End(absl::CancelledError("the node has gone")); }

void AttachReactor::OnDone() {
  const std::shared_ptr<AttachReactor> self = std::move(self_);
  Keep(nullptr);
  wiring_->done(this);
}

}  // namespace heddle::controller
