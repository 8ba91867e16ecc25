// heddle-node's end of heddle-forwarder's control socket: a request, and its answer.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "node/dataplane/forwarder/control.pb.h"
#include "node/dataplane/forwarder/control_channel.h"

namespace heddle::node {

namespace control = forwarder::control;

class ForwarderConnection {
 public:
  // How long a question may take, and a change.
  static constexpr absl::Duration kQuestionLimit = absl::Seconds(2);
  static constexpr absl::Duration kChangeLimit = absl::Seconds(10);

  // Unavailable: no forwarder is there. PermissionDenied: somebody else is; what to do.
  // InvalidArgument: the path is too long for a socket.
  static absl::StatusOr<ForwarderConnection> Open(const std::string& socket_path);

  struct Reply {
    control::State state;
    std::vector<forwarder::Descriptor> descriptors;
  };
  // Errors name the process. Unavailable: it has ended. DeadlineExceeded: it does not answer, and
  // what to do. FailedPrecondition: it refused, and why. DataLoss: its answer is no such. After any
  // but FailedPrecondition the connection is of no more use.
  absl::StatusOr<Reply> Call(const control::Request& request, absl::Span<const int> descriptors,
                             absl::Duration limit);
  absl::StatusOr<control::State> Describe();
  // Has it let go of its device, and of all that goes with it.
  absl::Status ForgetDevice();

  // Says that nothing more comes, and waits for the other end to close the connection.
  // DeadlineExceeded: it does not, and what to do. The connection is of no more use.
  absl::Status Close(absl::Duration limit);

  int fd() const { return channel_.fd(); }
  // Whether the other end has closed the connection, as when the process has ended.
  bool is_closed() const;
  // "heddle-forwarder (process 4711)", for messages.
  const std::string& name() const { return name_; }
  int pid() const { return pid_; }  // 0: not known

 private:
  explicit ForwarderConnection(forwarder::ControlChannel channel);

  // What became of the connection, in words with the process and what to do.
  absl::Status Explain(const absl::Status& status, absl::Duration limit) const;

  forwarder::ControlChannel channel_;
  int pid_;
  std::string name_;
};

}  // namespace heddle::node
