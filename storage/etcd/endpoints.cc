#include "storage/etcd/endpoints.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status_macros.h"

namespace heddle::storage {
namespace {

absl::Status CheckName(absl::string_view name) {
  const std::size_t colon = name.rfind(':');
  const absl::string_view host = name.substr(0, colon);
  const bool is_bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  int port = 0;
  if (colon == absl::string_view::npos || host.empty() ||
      (!is_bracketed && host.find_first_of(":/[]") != absl::string_view::npos) ||
      !absl::SimpleAtoi(name.substr(colon + 1), &port) || port < 1 || port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the etcd endpoint \"", name,
        "\" is not host:port, such as 10.0.0.1:2379 or [2001:db8::1]:2379 (without https://)"));
  }
  return absl::OkStatus();
}

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  // Backing off is each client's own; gRPC would share it between all of a process.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // What may be sent twice is decided here, not by gRPC.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetMaxReceiveMessageSize(-1);
  // The minimum is the time for a TLS handshake, too, which needs it on a busy machine.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 2000);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 3000);
  // A stream to a host that is gone ends. etcd allows a ping every five seconds.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 3000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  return arguments;
}

EtcdEndpoint Connect(const std::string& name, const EtcdCredentials& credentials) {
  EtcdEndpoint endpoint;
  endpoint.name = name;
  endpoint.channel = grpc::CreateCustomChannel("dns:///" + name, credentials.channel, Arguments());
  endpoint.kv = etcdserverpb::KV::NewStub(endpoint.channel);
  endpoint.lease = etcdserverpb::Lease::NewStub(endpoint.channel);
  endpoint.watch = etcdserverpb::Watch::NewStub(endpoint.channel);
  endpoint.auth = etcdserverpb::Auth::NewStub(endpoint.channel);
  endpoint.maintenance = etcdserverpb::Maintenance::NewStub(endpoint.channel);
  return endpoint;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EtcdEndpoints>> EtcdEndpoints::Create(
    const std::vector<std::string>& names, const EtcdCredentials& credentials) {
  if (names.empty()) return absl::InvalidArgumentError("name at least one etcd endpoint");
  std::unique_ptr<EtcdEndpoints> created(new EtcdEndpoints);
  for (const std::string& name : names) {
    HEDDLE_RETURN_IF_ERROR(CheckName(name));
    if (std::count(names.begin(), names.end(), name) > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("the etcd endpoint ", name, " is named twice"));
    }
    created->endpoints_.push_back(Connect(name, credentials));
  }
  created->names_ = names;
  return created;
}

void EtcdEndpoints::MoveOnFrom(int index) {
  first_.compare_exchange_strong(index, (index + 1) % size());
}

}  // namespace heddle::storage
