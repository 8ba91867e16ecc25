// A node without its threads: what the controller says and what the host is go in, and at Step the
// kernel is made to agree. Thread-free; time is an argument (any clock that does not step back), so
// that tests and the simulation drive it.
//
// Rules kept here: nothing is removed before the first complete transfer; a stream that breaks
// changes nothing; what failed is tried again, with a growing wait, until it is well; `applied`
// names a revision only when all of it is in the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/backoff.h"
#include "node/peer_table.h"
#include "node/reconciler.h"
#include "node/update.h"

namespace heddle::node {

struct ExecutorOptions {
  Identity identity;
  PlanOptions plan;
  RemovalGuard guard;
  absl::Duration resync = absl::Seconds(60);         // full pass without any reason
  absl::Duration settle = absl::Milliseconds(10);    // from the first hint of drift to the pass
  absl::Duration spacing = absl::Milliseconds(200);  // at least, between passes made on hints
  absl::Duration retry_initial = absl::Milliseconds(200);
  absl::Duration retry_maximum = absl::Seconds(30);
  std::uint64_t seed = 0;  // of the jitter
};

// The last good state, as it is kept on disk.
struct Remembered {
  Position position;  // empty: the next stream must bring a snapshot
  Network network;
  Peer self;
  PeerTable::Peers peers;
};

class Executor {
 public:
  // `dataplane` must outlive this object.
  Executor(ExecutorOptions options, Dataplane* dataplane);

  // ---- In. None of these touches the kernel. ----
  // Goes on from what an earlier run remembered; before anything else.
  void Restore(Remembered remembered);
  // A message from the controller. Not OK: drop the stream, with this reason; the kernel and what
  // is known stay.
  absl::Status Handle(Update update, absl::Time now);
  // What the host's own network is; or why that cannot be said (then the last facts stand).
  void SetHost(absl::StatusOr<HostFacts> host, absl::Time now);
  // What the extension backend's PreStartupCommand printed; absent: it has not ended yet, or there
  // is none; or why that cannot be said.
  void SetExtensionBackendData(absl::StatusOr<std::optional<std::string>> text, absl::Time now);
  // The kernel may have changed.
  void LookAgain(absl::Time now);

  // ---- Work ----
  // When there is something to do.
  absl::Time next_due() const;
  // Does what is due.
  void Step(absl::Time now);

  // ---- Out ----
  // What to ask a lease with; nothing before network and host are known, or when this host cannot
  // run the backend (problems() has the reason). A node that has a lease announces another backend,
  // or a standby, only when its own objects for it are made: peers send through it from then on.
  const std::optional<Advertisement>& advertisement() const { return advertisement_; }
  const Position& position() const { return table_.position(); }
  bool need_snapshot() const { return table_.need_snapshot(); }
  std::uint64_t set_hash() const { return table_.set_hash(); }
  // What the kernel holds now, for the controller.
  Applied applied() const;
  std::vector<std::string> problems() const;
  // Of problems(): what the kernel has no support for.
  const std::vector<std::string>& unsupported() const { return reconciler_.unsupported(); }
  // The host's own objects and the peers of a complete (or remembered) snapshot were applied.
  bool ready() const { return ready_; }
  // Whether the last full pass left the host's own objects as they should be.
  bool own_objects_made() const { return reconciler_.own_objects_made(); }
  // The basis the kernel was last brought to; absent before the first pass.
  const std::optional<PlanBasis>& basis() const { return reconciler_.basis(); }
  // All that the kernel is to serve, and this node itself.
  const PeerTable::Peers& peers() const { return table_.peers(); }
  const std::optional<Network>& network() const { return network_; }
  const std::optional<Peer>& self() const { return self_; }
  // What to keep on disk; absent before there is a complete snapshot. A snapshot that holds peers
  // back carries no position, so that a restart judges the removal again.
  std::optional<Remembered> remembered() const;
  // Rises whenever remembered() would answer something else.
  std::uint64_t remembered_version() const { return remembered_version_; }
  // Passes over the whole, and deltas, so far; for tests and figures.
  std::uint64_t full_passes() const { return full_passes_; }
  std::uint64_t deltas() const { return deltas_; }

 private:
  absl::Status On(Welcome welcome, absl::Time now);
  absl::Status On(Network network, absl::Time now);
  absl::Status On(OwnLease lease, absl::Time now);
  absl::Status On(const SnapshotBegin& begin, absl::Time now);
  absl::Status On(Chunk chunk, absl::Time now);
  absl::Status On(const Synced& synced, absl::Time now);
  absl::Status On(const Heartbeat& heartbeat, absl::Time now);
  absl::Status On(const AcceptRemovals&, absl::Time now);
  // Probing and certificates are the agent's.
  absl::Status On(const ProbeRequest&, absl::Time) { return absl::OkStatus(); }
  absl::Status On(const Trust&, absl::Time) { return absl::OkStatus(); }
  absl::Status On(const UnknownKind&, absl::Time) { return absl::OkStatus(); }

  void SetNetwork(Network network, absl::Time now);
  void Enqueue(std::vector<PeerDifference> differences, absl::Time now);
  void ScheduleFullPass(absl::Time when);
  void Advertise();
  Network Served() const;       // the network as far as this host can have it
  bool HasTriedServed() const;  // a pass was made with it, whatever came of it
  bool MayAnnounce(const std::string& backend_type) const;
  void FullPass(absl::Time now);
  void Delta(absl::Time now);
  void NoteApplied();

  const ExecutorOptions options_;
  Identity identity_;
  absl::Status extension_status_;
  std::mt19937_64 random_;
  Reconciler reconciler_;
  PeerTable table_;
  Backoff retry_;

  std::optional<Network> network_;
  std::optional<Peer> self_;
  std::string refused_;  // as OwnLease has it
  std::optional<HostFacts> host_;
  absl::Status host_status_;
  std::optional<Advertisement> advertisement_;
  absl::Status advertisement_status_, standby_status_;

  bool restored_ = false;       // table_ began with a remembered snapshot
  bool basis_changed_ = false;  // network, self or host differ from what was last planned
  absl::Time full_pass_due_ = absl::InfiniteFuture();
  absl::Time last_full_pass_ = absl::InfinitePast();
  std::vector<PeerDifference> differences_;  // since the last pass or delta
  bool removals_were_kept_ = false;          // the last full pass left unasked objects alone

  Applied applied_;  // without problems, which are the present ones
  bool ready_ = false;
  std::uint64_t remembered_version_ = 0, full_passes_ = 0, deltas_ = 0;
};

}  // namespace heddle::node
