// The forwarder's control socket: takes connections, and does what they ask for (control.proto).
#pragma once

#include <list>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "node/dataplane/forwarder/control_channel.h"
#include "node/dataplane/forwarder/event_set.h"
#include "node/dataplane/forwarder/features.h"
#include "node/dataplane/forwarder/forwarder.h"
#include "node/dataplane/forwarder/listening_socket.h"

namespace heddle::node::forwarder {

struct ServerOptions {
  Features features;
  // How long it stays though it serves nothing and nobody is connected.
  absl::Duration patience = absl::Seconds(5);
  // How long somebody who has begun a message may take to end it, or to take an answer; all others
  // wait meanwhile.
  absl::Duration message_limit = absl::Seconds(2);
  std::size_t max_connections = 16;
};

// One thread, that of Run(). Nobody is talked to but root and this process's own user; whoever
// breaks the rules of the channel is disconnected, and nothing changes by that.
class Server {
 public:
  // `signals` (a signalfd, or -1) becomes readable when the server is to end. `listening` is hidden
  // before the answer that gives everything away, so that whoever takes over may listen in this
  // one's place.
  Server(const ServerOptions& options, ListeningSocket listening, int signals);

  // Until it is told to end, has handed everything over, or has nothing to do for a while.
  void Run();

 private:
  void Accept();
  // False: the connection is of no more use.
  bool Serve(ControlChannel* channel);
  control::Answer Do(const control::Request& request, std::vector<Descriptor> descriptors);
  bool HandOver(ControlChannel* channel);
  bool Reply(ControlChannel* channel, const control::Answer& answer,
             absl::Span<const int> descriptors);
  void Close(std::list<ControlChannel>::iterator connection);
  // How long to stay with nothing to do.
  absl::Duration PatienceLeft();

  const ServerOptions options_;
  ListeningSocket listening_;
  EventSet events_;
  Forwarder forwarder_;
  std::list<ControlChannel> connections_;
  const ControlChannel* heir_ = nullptr;  // was given everything; once it is gone, so are we
  absl::Time idle_since_ = absl::InfiniteFuture();
  bool is_ending_ = false;
};

}  // namespace heddle::node::forwarder
