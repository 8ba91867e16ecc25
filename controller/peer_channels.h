// gRPC channels to the other controllers of the cluster.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "base/mutex.h"

namespace heddle::controller {

// Thread-safe.
class PeerChannels {
 public:
  // The channel to the controller at `address` (host:port), always the same while it is in use.
  std::shared_ptr<grpc::Channel> To(const std::string& address);

 private:
  Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<grpc::Channel>> channels_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller
