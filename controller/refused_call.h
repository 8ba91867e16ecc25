// A call with a stream that is refused before anything is read or written.
#pragma once

#include <grpcpp/grpcpp.h>

#include "absl/status/status.h"
#include "controller/grpc_bytes.h"
#include "controller/leader_call.h"

namespace heddle::controller {

// Deletes itself when gRPC is done with it.
template <typename Reactor>
class RefusedCall final : public Reactor {
 public:
  static Reactor* Begin(grpc::CallbackServerContext* context, const absl::Status& why) {
    MarkRefused(context);
    return new RefusedCall(why);
  }
  void OnDone() override { delete this; }

 private:
  explicit RefusedCall(const absl::Status& why) { this->Finish(ToGrpc(why)); }
};

}  // namespace heddle::controller
