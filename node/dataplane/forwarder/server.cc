#include "node/dataplane/forwarder/server.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/version.h"
#include "spdlog/spdlog.h"

namespace heddle::node::forwarder {
namespace {

constexpr std::uint32_t kListening = 0;
constexpr std::uint32_t kSignals = 1;
// And on: descriptors of connections, which are never 0 or 1.
constexpr std::uint32_t kFirstConnection = 2;

std::uint32_t TagOf(const ControlChannel& channel) {
  return kFirstConnection + static_cast<std::uint32_t>(channel.fd());
}

}  // namespace

Server::Server(const ServerOptions& options, ListeningSocket listening, int signals)
    : options_(options),
      listening_(std::move(listening)),
      forwarder_(options.features, [this] { events_.Wake(); }) {
  events_.Add(listening_.fd(), kListening);
  if (signals >= 0) events_.Add(signals, kSignals);
}

void Server::Run() {
  while (!is_ending_) {
    const absl::Duration patience = PatienceLeft();
    if (patience <= absl::ZeroDuration()) {
      spdlog::info("ends: it serves nothing, and nobody is connected");
      return;
    }
    const auto events = events_.Wait(patience);
    forwarder_.ForgetDeviceIfGone();
    for (const EventSet::Event& event : events) {
      if (event.tag == kSignals) {
        spdlog::info("ends, as it was told to");
        return;
      }
      if (event.tag == kListening) {
        Accept();
        continue;
      }
      const auto connection =
          std::find_if(connections_.begin(), connections_.end(),
                       [&](const ControlChannel& one) { return TagOf(one) == event.tag; });
      if (connection != connections_.end() && !Serve(&*connection)) Close(connection);
    }
  }
}

absl::Duration Server::PatienceLeft() {
  if (!connections_.empty() || forwarder_.serves()) {
    idle_since_ = absl::InfiniteFuture();
    return absl::InfiniteDuration();
  }
  const absl::Time now = absl::Now();
  idle_since_ = std::min(idle_since_, now);
  return idle_since_ + options_.patience - now;
}

void Server::Accept() {
  Descriptor accepted(accept4(listening_.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!accepted.is_open()) {
    if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
      spdlog::error("cannot take a connection: {}", strerror(errno));
    }
    return;
  }
  ControlChannel channel(std::move(accepted));
  if (!channel.IsPeerTrusted()) {
    spdlog::warn("process {} is neither root's nor of this user: it is not talked to",
                 channel.peer_pid());
    return;
  }
  if (connections_.size() >= options_.max_connections) {
    spdlog::warn("process {} is not talked to: {} others are connected", channel.peer_pid(),
                 connections_.size());
    return;
  }
  connections_.push_back(std::move(channel));
  events_.Add(connections_.back().fd(), TagOf(connections_.back()));
}

bool Server::Serve(ControlChannel* channel) {
  if (heir_ != nullptr) return false;
  absl::StatusOr<ControlMessage> message = channel->Receive(options_.message_limit);
  if (absl::IsOutOfRange(message.status())) return false;
  control::Request request;
  absl::Status status = message.status();
  if (status.ok() && !request.ParseFromString(message->bytes)) {
    status = absl::InvalidArgumentError("what came is no message of heddle-node's");
  }
  if (!status.ok()) {
    spdlog::warn("connection of process {} is closed: {}", channel->peer_pid(),
                 std::string(status.message()));
    return false;
  }
  if (request.has_hand_over()) return HandOver(channel);
  return Reply(channel, Do(request, std::move(message->descriptors)), {});
}

control::Answer Server::Do(const control::Request& request, std::vector<Descriptor> descriptors) {
  control::Answer answer;
  switch (request.kind_case()) {
    case control::Request::kDescribe:
      *answer.mutable_state() = forwarder_.Describe();
      break;
    case control::Request::kChange: {
      const absl::Status status = forwarder_.Apply(request.change(), std::move(descriptors));
      if (!status.ok()) answer.set_error(std::string(status.message()));
      break;
    }
    default:
      answer.set_error(absl::StrCat("heddle-forwarder ", kVersion, " does not know this request"));
  }
  return answer;
}

bool Server::HandOver(ControlChannel* channel) {
  // What the workers did until they stopped is in the answer, too.
  const std::vector<int> descriptors = forwarder_.Suspend();
  control::Answer answer;
  *answer.mutable_state() = forwarder_.Describe();
  listening_.Hide();
  if (!Reply(channel, answer, descriptors)) {
    listening_.Show();
    forwarder_.Resume();
    return false;
  }
  events_.Remove(listening_.fd());
  spdlog::info("handed everything over to process {}", channel->peer_pid());
  heir_ = channel;
  return true;
}

bool Server::Reply(ControlChannel* channel, const control::Answer& answer,
                   absl::Span<const int> descriptors) {
  const absl::Status status =
      channel->Send(answer.SerializeAsString(), descriptors, options_.message_limit);
  if (!status.ok()) {
    spdlog::warn("process {} did not take its answer: {}", channel->peer_pid(),
                 std::string(status.message()));
  }
  return status.ok();
}

void Server::Close(std::list<ControlChannel>::iterator connection) {
  is_ending_ = &*connection == heir_;
  events_.Remove(connection->fd());
  connections_.erase(connection);
}

}  // namespace heddle::node::forwarder
