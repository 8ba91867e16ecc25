// One node's stream, without threads or gRPC: what the node says goes in, what it is to be told
// comes out. api/heddle/v1/node.proto is the contract.
//
// A stream that is not asked for frames costs nothing: it holds a cursor, and what it missed is one
// delta (or snapshot) of the hub when it is asked again.
//
// A node that knows more than this controller (a later revision, or another history) is told
// nothing at all, not even Welcome, before the store has said where it stands: whatever is here may
// be older than what the node has.
//
// Not thread-safe: its owner guards it. Time is an argument.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "api/heddle/v1/node.pb.h"
#include "api/peer.h"
#include "controller/commands.h"
#include "controller/frames.h"
#include "controller/node_registry.h"
#include "controller/probe_reports.h"
#include "controller/trust_notice.h"
#include "controller/watch_hub.h"

namespace heddle::controller {

inline constexpr std::uint32_t kProtocolVersion = 1;

class NodeStream {
 public:
  // What all streams of a controller share, and what outlives them.
  struct Shared {
    WatchHub* hub = nullptr;
    NodeRegistry* registry = nullptr;
    ProbeReports* probe_reports = nullptr;  // null: what nodes report is dropped
    const TrustNotice* trust = nullptr;     // null: without TLS
    int heartbeat_seconds = 5;
    std::string controller_version, controller_id;
    // A node has applied `claimed`, and the store, of the same history, is only at `store`. Called
    // from OnPosition; must not block. May be null.
    std::function<void(const std::string& node_id, storage::Revision claimed,
                       const storage::Position& store)>
        store_behind;
  };
  // Hands a request to the writer. The answer must come back through OnGrant, never from inside the
  // call. An error ends the stream.
  using Submit = std::function<absl::Status(AcquireRequest request)>;

  NodeStream(const Shared* shared, std::string remote_address, std::weak_ptr<LiveStream> self,
             Submit submit, absl::Time now);
  ~NodeStream();
  NodeStream(const NodeStream&) = delete;
  NodeStream& operator=(const NodeStream&) = delete;

  // An error ends the stream with that status.
  absl::Status OnMessage(const v1::NodeMessage& message, absl::Time now);
  absl::Status OnGrant(const absl::StatusOr<LeaseGrant>& grant);
  // The node's own announced entry changed.
  absl::Status OnOwnChange(const PeerChange& change);
  // The store's position, or why it cannot be had; as TakeAskPosition asked. The hub has reached
  // it.
  absl::Status OnPosition(const absl::StatusOr<storage::Position>& position, absl::Time now);
  // The hub has another network.
  absl::Status OnNetworkChange();
  void AcceptRemovals() { out_.push_back(AcceptRemovalsFrame()); }
  void AskToProbe(const ProbeRequest& request) { out_.push_back(ProbeRequestFrame(request)); }

  // The next frame to send, or null when there is none now.
  Frame Next(absl::Time now);
  // When Next or CheckDeadline may have something to say though nothing happened.
  absl::Time deadline() const;
  // DeadlineExceeded when the node has not said Hello in time; Unavailable when the store has not
  // said in time where it stands.
  absl::Status CheckDeadline(absl::Time now) const;

  // An earlier stream of this node that gave way to this one; once, for the owner to close.
  std::shared_ptr<LiveStream> TakeDisplaced() { return std::move(displaced_); }
  // Whether the store is to be asked where it stands; once.
  bool TakeAskPosition() { return std::exchange(ask_position_, false); }
  const std::string& node_id() const { return node_id_; }  // "" before Welcome

 private:
  absl::Status OnHello(const v1::Hello& hello, absl::Time now);
  bool KnowsMore() const;
  absl::Status Behind(absl::string_view why) const;
  absl::Status StoreBehind(const storage::Position& store) const;
  absl::Status Admit(absl::Time now);
  absl::Status OnAdvertise(const v1::Advertise& advertise);
  absl::Status OnApplied(const v1::Applied& applied, absl::Time now);
  void OnProbeReport(const v1::ProbeReport& report);
  absl::Status SubmitAdvertised();
  void StartSending();
  void CheckHash(const v1::Applied& applied, absl::Time now);
  void TellNetwork();
  void TellTrust();
  void Deliver(std::shared_ptr<const Delivery> delivery);
  Frame NextOfDelivery();

  const Shared* const shared_;
  const std::string remote_address_;
  const std::weak_ptr<LiveStream> self_;
  const Submit submit_;
  const absl::Time opened_;

  std::string node_id_;
  std::uint64_t attachment_ = 0;
  std::shared_ptr<LiveStream> displaced_;
  std::optional<v1::Hello> hello_;
  bool ask_position_ = false;
  absl::Time admit_by_ = absl::InfiniteFuture();  // while hello_ is not answered yet

  std::optional<AcquireRequest> advertised_;  // the newest
  bool acquiring_ = false;                    // an earlier one is with the writer
  bool advertised_again_ = false;             // the newest is not
  std::optional<LeaseGrant> grant_;

  std::deque<Frame> out_;
  storage::Revision network_told_ = 0;
  Frame trust_told_;
  bool sending_ = false;                      // peers are being sent: cursor_ means something
  bool at_once_ = false;                      // do not wait for the hub's next release
  storage::Revision cursor_ = 0;              // sent, or being sent with delivery_
  storage::Revision delivered_ = 0;           // sent wholly
  std::shared_ptr<const Delivery> delivery_;  // null: none under way
  std::size_t next_frame_ = 0;
  absl::Time heartbeat_at_ = absl::InfiniteFuture();
  absl::Time resync_after_ = absl::InfinitePast();
};

}  // namespace heddle::controller
