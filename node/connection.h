// The gRPC channel from a node to one controller. The header carries gRPC's: only for the sources
// that speak it.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "node/controller_addresses.h"

namespace heddle::node {

struct ConnectionTerms {
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  std::string server_name;    // that the controller must prove; empty: the host that is dialled
  int max_receive_bytes = 0;  // of one message; a larger one ends the call
};

// Connects when it is first used. Serves one controller: retrying and choosing is the caller's.
std::shared_ptr<grpc::Channel> MakeChannel(const Endpoint& endpoint, const ConnectionTerms& terms);

// What gRPC's message on a connection that could not be made, or was ended, means where TLS is the
// cause, and what to do; empty: no such cause. Whom the controller does not believe it tells so in
// words of its own.
std::string ExplainTls(const absl::Status& end, const std::string& server_name);

// How a call ended. What the other end said comes escaped, and cut where it is long, since it goes
// to logs and terminals.
absl::Status ToStatus(const grpc::Status& status);

// From now on what gRPC itself has to say goes to this program's log, at level debug: the calls'
// own ends say it better, and once.
void QuietGrpcLog();

}  // namespace heddle::node
