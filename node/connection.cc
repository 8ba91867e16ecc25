#include "node/connection.h"

#include <grpc/support/log.h>

#include "absl/strings/str_cat.h"
#include "base/program.h"
#include "identity/transport.h"
#include "spdlog/spdlog.h"

namespace heddle::node {
namespace {

// gRPC bounds what it takes by 8 KiB; a line of a log need not be that long.
constexpr std::size_t kKeptCharacters = 1000;

}  // namespace

// A node has one stream, idle for most of its life: what gRPC sets aside for busy servers is
// switched off.
std::shared_ptr<grpc::Channel> MakeChannel(const Endpoint& endpoint, const ConnectionTerms& terms) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 0);
  arguments.SetInt(GRPC_ARG_MAX_CHANNEL_TRACE_EVENT_MEMORY_PER_NODE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetMaxReceiveMessageSize(terms.max_receive_bytes);
  const std::string& name = terms.server_name.empty() ? endpoint.host : terms.server_name;
  identity::SetServerName({name}, &arguments);
  return grpc::CreateCustomChannel(endpoint.target, terms.credentials, arguments);
}

absl::Status ToStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      Excerpt(status.error_message(), kKeptCharacters));
}

void QuietGrpcLog() {
  gpr_set_log_function([](gpr_log_func_args* line) {
    spdlog::debug("gRPC: {}", Excerpt(line->message, kKeptCharacters));
  });
}

}  // namespace heddle::node
