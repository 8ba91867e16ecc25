// The udp backend's listeners and tunnels: what heddle-forwarder is to do, over its control socket.
// The TUN device itself is rtnetlink's. Nobody is asked and nothing is started before there is such
// a device.
//
// The forwarder is a process of its own that lives on when this one ends. It is given descriptors
// that are opened here, and holds nothing that cannot be given to another: one that is gone is
// started anew by the next pass over the whole, and one of another release hands its work over.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "node/dataplane/dataplane.h"
#include "node/dataplane/forwarder_change.h"
#include "node/dataplane/forwarder_connection.h"
#include "node/dataplane/forwarder_process.h"

namespace heddle::node {

// Owned and called by the dataplane's thread.
class UdpForwarder {
 public:
  explicit UdpForwarder(ForwarderOptions options);

  // Adds what the forwarder holds for the TUN device in `state->links`. Nothing if there is none,
  // or if it does not answer: then what is asked of it before the next Read fails with the reason.
  void Read(NetworkState* state);

  // Starts a run of operations whose failures go to `failures`, which must outlive the run.
  void Start(std::vector<Failure>* failures) { failures_ = failures; }
  // Queues an operation on a listener or a tunnel of `link`; it must live until Flush.
  void Add(const Operation& operation, const std::string& link);
  // Sends what waits, as one change. Starts the forwarder if the last Read found none.
  void Flush();
  // To be called before `operation` removes a TUN device: the forwarder lets go of it.
  void Forget(const Operation& operation);
  // Ends a run. A forwarder that serves nothing is let go, and ends.
  void Finish();

  // Readable when the forwarder has ended: sooner than the kernel says that the device has lost its
  // carrier, which it does once a second at most.
  int fd() const { return ends_.get(); }
  // Whether it has, since the last call.
  bool HasEnded();

 private:
  void Keep(ForwarderConnection connection);
  void LetGo();
  absl::Status Look(const std::string& link, NetworkState* state);
  // What the forwarder says; nothing: there is none.
  absl::StatusOr<std::optional<control::State>> Ask();
  absl::StatusOr<std::optional<control::State>> TakeOver(const control::State& old);
  void LogFeatures(const control::State& state);

  absl::Status Send();
  absl::Status Prepare(ForwarderChange* change);

  const ForwarderOptions options_;
  const forwarder::Descriptor ends_;  // an epoll instance, with the connection in it
  std::optional<ForwarderConnection> connection_;
  ForwarderHolding holding_;  // of the forwarder at its other end
  absl::Status trouble_;      // why the last Read got no answer
  // The last Read found nothing, so what is set now is the whole. Otherwise a forwarder that turns
  // out to be new lacks what it was told before, and a Read has to see that.
  bool may_begin_ = false;
  std::string release_after_take_over_, features_logged_;
  std::string link_;  // of those that wait
  std::vector<const Operation*> waiting_;
  std::vector<Failure>* failures_ = nullptr;
};

}  // namespace heddle::node
