#include "controller/peer_channels.h"

#include <utility>

#include "identity/transport.h"

namespace heddle::controller {
namespace {

constexpr std::size_t kMaxChannels = 16;       // members come and go; calls keep what they use
constexpr int kMaxAnswerBytes = 256 << 20;     // a list of 100 000 leases is some 10 MB
constexpr int kKeepaliveMs = 10'000;           // silence before a ping
constexpr int kKeepaliveTimeoutMs = 5'000;     // and for its answer
constexpr int kMaxReconnectBackoffMs = 1'000;  // a restarted controller is found soon

}  // namespace

PeerChannels::PeerChannels(const identity::LiveCredentials* credentials, std::string server_name)
    : credentials_(credentials), server_name_(std::move(server_name)) {}

std::shared_ptr<grpc::Channel> PeerChannels::NewChannel(const std::string& address) const {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxAnswerBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kMaxReconnectBackoffMs / 10);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kMaxReconnectBackoffMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectBackoffMs);
  if (current_ == nullptr) {
    return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
  }
  identity::SetServerName({server_name_}, &arguments);
  return grpc::CreateCustomChannel(address, identity::ChannelCredentialsOf(*current_), arguments);
}

std::shared_ptr<grpc::Channel> PeerChannels::To(const std::string& address) {
  MutexLock lock(&mutex_);
  if (credentials_ != nullptr && current_ != credentials_->Current()) {
    current_ = credentials_->Current();
    channels_.clear();
  }
  const auto found = channels_.find(address);
  if (found != channels_.end()) return found->second;
  if (channels_.size() >= kMaxChannels) channels_.clear();
  return channels_[address] = NewChannel(address);
}

}  // namespace heddle::controller
