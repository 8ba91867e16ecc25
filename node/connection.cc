#include "node/connection.h"

#include <grpc/support/log.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
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

// gRPC tells no more than this text. Which of OpenSSL's reasons it was is not in it.
std::string ExplainTls(const absl::Status& end, const std::string& server_name) {
  if (!absl::IsUnavailable(end)) return "";
  const std::string message = absl::AsciiStrToLower(end.message());
  const auto says = [&](absl::string_view words) { return absl::StrContains(message, words); };
  if (says("certificate verify failed")) {
    return "its certificate is not believed here: it is of another CA than the roots that this "
           "node "
           "has, or has ended, or one of the two clocks is wrong";
  }
  if (says("is not in peer certificate")) {
    return absl::StrCat("its certificate is not of the name '", server_name,
                        "': another service answers there, or --tls-server-name is to be set");
  }
  if (says("wrong version number")) {
    return "it speaks no TLS: it was started with --insecure, or another service answers there";
  }
  return "";
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
