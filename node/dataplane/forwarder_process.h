// The program heddle-forwarder: where it is, how it is started, and how one of another release is
// replaced by it.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "node/dataplane/forwarder_connection.h"

namespace heddle::node {

struct ForwarderOptions {
  std::string socket_path;  // empty: there is no forwarder to be had
  std::string program;      // what is started when nobody listens there
  bool takes_over = false;  // from a forwarder of another release
};

// The program beside the one that runs here, as both are installed.
std::string ForwarderBesideThisProgram();

// The forwarder that listens at the socket; else one that is started, which is nobody's child and
// outlives the caller. NotFound: there is no such program; otherwise what it says. Each with what
// to do.
absl::StatusOr<ForwarderConnection> ConnectOrStart(const ForwarderOptions& options);

// Has `old` hand its work over to a forwarder that is started in its place. No packet is lost:
// those that come meanwhile wait in the kernel's queues, which stay open. An error says what
// failed; then nobody holds anything of what `old` did, unless the error is that it does not
// answer.
absl::StatusOr<ForwarderConnection> ReplaceForwarder(ForwarderConnection old,
                                                     const ForwarderOptions& options);

// Ends a forwarder that is left; removes the socket of one that was killed. Its name for messages;
// empty: there was none, or it had nothing.
absl::StatusOr<std::string> EndForwarder(const std::string& socket_path);

}  // namespace heddle::node
