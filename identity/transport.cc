#include "identity/transport.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <spdlog/spdlog.h>

#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace heddle::identity {
namespace {

// What gRPC asks at each handshake. One for each listening port: each keeps what it was given last.
class ConfigFetcher {
 public:
  explicit ConfigFetcher(const LiveCredentials* live) : live_(live) {}

  // gRPC asks with a lock held, never twice at once for one port.
  static grpc_ssl_certificate_config_reload_status Fetch(
      void* self, grpc_ssl_server_certificate_config** config) {
    return static_cast<ConfigFetcher*>(self)->Next(config);
  }
  static void Destroy(void* self) { delete static_cast<ConfigFetcher*>(self); }

 private:
  grpc_ssl_certificate_config_reload_status Next(grpc_ssl_server_certificate_config** config) {
    auto current = live_->Current();
    if (current == given_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const grpc_ssl_pem_key_cert_pair pair = {current->key_pem.c_str(), current->chain_pem.c_str()};
    *config = grpc_ssl_server_certificate_config_create(current->roots_pem.c_str(), &pair, 1);
    given_ = std::move(current);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const LiveCredentials* const live_;
  std::shared_ptr<const Credentials> given_;
};

class LiveServerCredentials final : public grpc::ServerCredentials {
 public:
  explicit LiveServerCredentials(const LiveCredentials* live) : live_(live) {}

  // Callers are told apart by the services themselves (Access), after the handshake.
  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {
    spdlog::critical("these server credentials take no processor of authentication metadata");
    std::abort();
  }

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    auto* fetcher = new ConfigFetcher(live_);
    grpc_server_credentials* const credentials = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(
            GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_BUT_DONT_VERIFY, &ConfigFetcher::Fetch, fetcher));
    // A processor that processes nothing: gRPC destroys its state with the credentials, which
    // outlive this object, and has no other way to say that the fetcher is asked no more.
    grpc_server_credentials_set_auth_metadata_processor(
        credentials, {nullptr, &ConfigFetcher::Destroy, fetcher});
    const int port = grpc_server_add_http2_port(server, address.c_str(), credentials);
    grpc_server_credentials_release(credentials);
    return port;
  }

  const LiveCredentials* const live_;
};

absl::string_view View(grpc::string_ref text) {
  return absl::string_view(text.data(), text.size());
}

}  // namespace

std::shared_ptr<grpc::ServerCredentials> ServerCredentialsOf(const LiveCredentials* live) {
  return std::make_shared<LiveServerCredentials>(live);
}

std::shared_ptr<grpc::ChannelCredentials> ChannelCredentialsOf(const Credentials& credentials) {
  grpc::SslCredentialsOptions options;
  options.pem_private_key = credentials.key_pem;
  options.pem_cert_chain = credentials.chain_pem;
  options.pem_root_certs = credentials.roots_pem;
  return grpc::SslCredentials(options);
}

std::shared_ptr<grpc::ChannelCredentials> ChannelCredentialsOf(const std::string& roots_pem) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = roots_pem;
  return grpc::SslCredentials(options);
}

void SetServerName(const ChannelTerms& terms, grpc::ChannelArguments* arguments) {
  if (!terms.server_name.empty()) arguments->SetSslTargetNameOverride(terms.server_name);
}

absl::StatusOr<std::string> ShownChain(const grpc::AuthContext& context) {
  const auto types = context.FindPropertyValues(GRPC_TRANSPORT_SECURITY_TYPE_PROPERTY_NAME);
  if (types.size() != 1 || View(types[0]) != GRPC_SSL_TRANSPORT_SECURITY_TYPE) {
    return absl::NotFoundError("the connection is not of TLS");
  }
  const auto leaf = context.FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (leaf.size() != 1) return absl::NotFoundError("no certificate was shown");
  std::string chain(View(leaf[0]));
  for (const auto& rest : context.FindPropertyValues(GRPC_X509_PEM_CERT_CHAIN_PROPERTY_NAME)) {
    absl::StrAppend(&chain, View(rest));
  }
  return chain;
}

}  // namespace heddle::identity
