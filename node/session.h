// The node's end of the stream to a controller: which controller, when to try the next one, what to
// say, and what was said, decoded.
//
// One thread, the agent's, owns a Session and calls all of it. gRPC's threads only hand over what
// happened, through `post`, as opaque SessionEvents, which the agent gives back to Handle. One
// message is read ahead at most: the next is asked for when this one was handled, so that a busy
// node slows its stream down instead of piling messages up.
//
// Controllers are tried in rounds. A round has every address that is known, names looked up anew,
// in random order; the one that was lost or tried last comes last. Within a round the next is tried
// as soon as one has refused, or not answered in time. After a round without success comes a wait
// that grows, fully jittered. A node that loses a controller which served it waits a random time
// first, in proportion to the size of the cluster: all the others have lost it, too, and those that
// are left take them in one after the other. Meanwhile the data plane stays as it is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "api/peer.h"
#include "identity/authority.h"
#include "identity/credentials.h"
#include "node/controller_addresses.h"
#include "node/update.h"

namespace heddle::node {

struct SessionOptions {
  std::vector<std::string> controllers;  // host:port, by name or by address
  Resolve resolve = ResolveBySystem;     // called on a thread of its own
  // What a connection proves and whom it believes, asked for at each; null: nothing yet, and none
  // is made before CredentialsChanged. Thread-safe.
  std::function<std::shared_ptr<const identity::Credentials>()> credentials;
  // What the controller's certificate must say; empty: the host that is dialled.
  std::string server_name = identity::kControllerServerName;
  bool insecure = false;  // without TLS; `credentials` is not asked for
  std::string node_id;
  std::string instance_id;  // random per process
  std::string software_version;
  absl::Duration retry_initial = absl::Milliseconds(100);  // between rounds
  absl::Duration retry_maximum = absl::Seconds(10);        // or `spread`, where that is longer
  // After the loss of a controller: up to so much for each peer, and up to that much at least.
  absl::Duration spread_per_peer = absl::Milliseconds(1);
  absl::Duration spread_minimum = absl::Milliseconds(250);
  // From the attempt to the Welcome; also the longest wait for names when no address is known.
  absl::Duration welcome_timeout = absl::Seconds(5);
  int silent_heartbeats = 3;  // without a message before the stream is given up
  std::uint64_t seed = 0;
};

// Where to go on from.
struct Resume {
  Position position;  // what is applied; empty: nothing
  std::uint64_t set_hash = 0;
  bool need_snapshot = false;
  std::size_t peers = 0;
};

// Something that happened to a stream. Made by gRPC's threads, consumed by Session::Handle.
struct SessionEvent {
  // kWake: nothing happened here; the agent is to look at what else it has.
  enum class Kind { kRead, kWritten, kEnded, kResolved, kWake };
  Kind kind = Kind::kRead;
  std::uint64_t stream = 0;       // events of a stream that was given up are left aside
  absl::StatusOr<Update> update;  // kRead: the message, or why it cannot be understood
  bool ok = true;                 // kRead, kWritten: false when the stream is broken
  absl::Status status;            // kEnded: how the stream ended
};

class Session {
 public:
  // `post` is called from other threads and must not block. `resume` is asked when a stream begins
  // and when one ends. `seed` in the options makes order and jitter repeatable.
  Session(SessionOptions options, std::function<void(SessionEvent)> post,
          std::function<Resume()> resume);
  ~Session();  // ends the stream; waits until gRPC has let go of it

  // Go to these from the next attempt on; a stream that lives is left alone.
  void UseControllers(std::vector<std::string> controllers);
  // A session that waits for credentials, or after a failure, tries at once.
  void CredentialsChanged(absl::Time now);

  // Connects, when that is due; gives up on a stream that is silent.
  void Tick(absl::Time now);
  absl::Time next_due() const;

  // The message that an event brings, if any. The caller acts on it and calls Next, or Drop.
  std::optional<Update> Handle(SessionEvent event, absl::Time now);
  void Next();
  // Ends the stream; a new one is begun after a wait. `reason` is logged.
  void Drop(const absl::Status& reason, absl::Time now);

  // Both merge: only the newest of each waits to be sent. Without effect while not attached; what
  // still waits when the stream ends is gone, and is to be said anew on the next one.
  void SendAdvertise(const Advertisement& advertisement, const std::vector<Prefix>& preferred);
  void SendApplied(const Applied& applied);

  // Never merged: each is sent, after what merges, while the stream lasts. Without effect while not
  // attached.
  void SendProbeReport(const ProbeReport& report);

  // Between Welcome and the end of the stream. Each stream has another number, from 1.
  bool attached() const;
  std::uint64_t stream() const;
  // The controller in use, or last tried; and why the last stream ended.
  const std::string& controller() const;
  const absl::Status& last_end() const;
  // Until the next Welcome; absent: none.
  const std::optional<RefusedCertificate>& refused() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace heddle::node
