// The members of the cluster that we can ask, and which of them is asked first.
#pragma once

#include <grpcpp/channel.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "storage/etcd/credentials.h"
#include "storage/etcd/etcd.grpc.pb.h"

namespace heddle::storage {

struct EtcdEndpoint {
  std::string name;  // host:port
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<etcdserverpb::KV::Stub> kv;
  std::unique_ptr<etcdserverpb::Lease::Stub> lease;
  std::unique_ptr<etcdserverpb::Watch::Stub> watch;
  std::unique_ptr<etcdserverpb::Auth::Stub> auth;
  std::unique_ptr<etcdserverpb::Maintenance::Stub> maintenance;

  bool is_connected() const { return channel->GetState(false) == GRPC_CHANNEL_READY; }
};

// Thread-safe. Connects when first asked, and keeps trying an endpoint at most once a second.
class EtcdEndpoints {
 public:
  // InvalidArgument: none, one named twice, or one that is not host:port.
  static absl::StatusOr<std::unique_ptr<EtcdEndpoints>> Create(
      const std::vector<std::string>& names, const EtcdCredentials& credentials);

  int size() const { return static_cast<int>(endpoints_.size()); }
  EtcdEndpoint& at(int index) { return endpoints_[index]; }
  const std::vector<std::string>& names() const { return names_; }

  int first() const { return first_; }
  // `index` did not serve: if it is asked first, the next one is from now on.
  void MoveOnFrom(int index);

 private:
  EtcdEndpoints() = default;

  std::vector<std::string> names_;
  std::vector<EtcdEndpoint> endpoints_;
  std::atomic<int> first_{0};
};

}  // namespace heddle::storage
