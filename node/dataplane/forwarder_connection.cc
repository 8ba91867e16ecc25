#include "node/dataplane/forwarder_connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace heddle::node {

absl::StatusOr<ForwarderConnection> ForwarderConnection::Open(const std::string& socket_path) {
  absl::StatusOr<forwarder::ControlChannel> channel =
      forwarder::ControlChannel::Connect(socket_path);
  if (absl::IsInvalidArgument(channel.status())) {
    return absl::InvalidArgumentError(
        absl::StrCat(channel.status().message(), "; choose a shorter --state-dir"));
  }
  HEDDLE_RETURN_IF_ERROR(channel.status());
  return ForwarderConnection(*std::move(channel));
}

ForwarderConnection::ForwarderConnection(forwarder::ControlChannel channel)
    : channel_(std::move(channel)), pid_(channel_.peer_pid()) {
  // Then systemd listens, and passed the socket on to somebody.
  if (pid_ == 1) pid_ = 0;
  name_ = pid_ == 0 ? "heddle-forwarder" : absl::StrCat("heddle-forwarder (process ", pid_, ")");
}

absl::StatusOr<ForwarderConnection::Reply> ForwarderConnection::Call(
    const control::Request& request, absl::Span<const int> descriptors, absl::Duration limit) {
  const absl::Status sent = channel_.Send(request.SerializeAsString(), descriptors, limit);
  if (!sent.ok()) return Explain(sent, limit);
  absl::StatusOr<forwarder::ControlMessage> message = channel_.Receive(limit);
  if (!message.ok()) return Explain(message.status(), limit);
  control::Answer answer;
  if (!answer.ParseFromString(message->bytes)) {
    return absl::DataLossError(absl::StrCat(
        name_, " gives an answer that cannot be read; is it a program of another project?"));
  }
  if (!answer.error().empty()) {
    return absl::FailedPreconditionError(absl::StrCat(name_, " says: ", answer.error()));
  }
  return Reply{std::move(*answer.mutable_state()), std::move(message->descriptors)};
}

absl::StatusOr<control::State> ForwarderConnection::Describe() {
  control::Request request;
  request.mutable_describe();
  HEDDLE_ASSIGN_OR_RETURN(Reply reply, Call(request, {}, kQuestionLimit));
  return std::move(reply.state);
}

absl::Status ForwarderConnection::ForgetDevice() {
  control::Request request;
  request.mutable_change()->set_forget_device(true);
  return Call(request, {}, kQuestionLimit).status();
}

absl::Status ForwarderConnection::Close(absl::Duration limit) {
  shutdown(channel_.fd(), SHUT_WR);
  const absl::Status end = channel_.Receive(limit).status();
  return absl::IsOutOfRange(end) || absl::IsUnavailable(end) ? absl::OkStatus()
                                                             : Explain(end, limit);
}

bool ForwarderConnection::is_closed() const {
  pollfd end{channel_.fd(), POLLRDHUP, 0};
  return poll(&end, 1, 0) > 0;
}

absl::Status ForwarderConnection::Explain(const absl::Status& status, absl::Duration limit) const {
  switch (status.code()) {
    case absl::StatusCode::kDeadlineExceeded:
      return absl::DeadlineExceededError(
          absl::StrCat(name_, " does not answer within ", absl::FormatDuration(limit),
                       ", though it may still carry packets; if that goes on, end it",
                       pid_ == 0 ? " (systemctl kill --signal=KILL heddle-forwarder)"
                                 : absl::StrCat(" (kill -9 ", pid_, ")"),
                       ", and it is started anew"));
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kOutOfRange:
      return absl::UnavailableError(
          absl::StrCat(name_, " has ended; it is started anew at the next look"));
    default:
      return absl::Status(status.code(), absl::StrCat(name_, ": ", status.message()));
  }
}

}  // namespace heddle::node
