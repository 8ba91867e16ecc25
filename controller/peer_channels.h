// gRPC channels to the other controllers of the cluster.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "base/mutex.h"
#include "identity/credentials.h"

namespace heddle::controller {

// Thread-safe.
class PeerChannels {
 public:
  // With null credentials: without TLS. As ControllerOptions has both.
  PeerChannels(const identity::LiveCredentials* credentials, std::string server_name);

  // The channel to the controller at `address` (host:port), always the same while the credentials
  // are. After that a new one: calls and streams under way go on with the one that they have.
  std::shared_ptr<grpc::Channel> To(const std::string& address);

 private:
  std::shared_ptr<grpc::Channel> NewChannel(const std::string& address) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const identity::LiveCredentials* const credentials_;
  const std::string server_name_;
  Mutex mutex_;
  // What the channels are of.
  std::shared_ptr<const identity::Credentials> current_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, std::shared_ptr<grpc::Channel>> channels_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller
