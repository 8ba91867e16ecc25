// How etcd and we prove to each other who we are: TLS files and a password, read once and checked.
#pragma once

#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace heddle::storage {

struct EtcdOptions;

struct EtcdCredentials {
  std::shared_ptr<grpc::ChannelCredentials> channel;
  std::string user, password;  // both empty without one; the password is in no message and no log
  std::string identity;        // for messages: who etcd takes us for
};

// InvalidArgument: an option without the one it needs, or a file that cannot be read or is not what
// it should be; names it. A secret that others may read is warned about in the log.
absl::StatusOr<EtcdCredentials> ReadCredentials(const EtcdOptions& options);

}  // namespace heddle::storage
