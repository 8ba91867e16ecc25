// TLS (1.2 and 1.3) for gRPC servers and channels.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "identity/authority.h"
#include "identity/certificate.h"
#include "identity/credentials.h"

namespace heddle::identity {

// Each new connection is served with what `live` has then, roots included. A client's certificate
// is asked for and need not be shown. When it is, the handshake proves that the client has its key;
// whether it is believed is what each call asks a PeerVerifier. `live` outlives the server.
std::shared_ptr<grpc::ServerCredentials> ServerCredentialsOf(const LiveCredentials* live);

// A client with a certificate, and one that has none yet (a joining node) but knows the roots. The
// server must prove `server_name`; empty: the host that is dialled.
struct ChannelTerms {
  std::string server_name = kControllerServerName;
};
std::shared_ptr<grpc::ChannelCredentials> ChannelCredentialsOf(const Credentials& credentials);
std::shared_ptr<grpc::ChannelCredentials> ChannelCredentialsOf(const std::string& roots_pem);
// To be set on the channel as well.
void SetServerName(const ChannelTerms& terms, grpc::ChannelArguments* arguments);

// The certificate that the peer of a call showed, followed by what may lead from it to a root, in
// PEM; NotFound: it showed none, or TLS is not used. A server's was verified in the handshake, a
// client's was not.
absl::StatusOr<std::string> ShownChain(const grpc::AuthContext& context);

}  // namespace heddle::identity
