#include "controller/node_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/convert.h"
#include "api/convert_probe.h"
#include "base/status_macros.h"
#include "controller/node_messages.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

constexpr absl::Duration kHelloWithin = absl::Seconds(10);
// For the store to say where it stands; shorter than nodes wait for a Welcome.
constexpr absl::Duration kPositionWithin = absl::Seconds(3);
constexpr absl::Duration kResyncEvery = absl::Minutes(1);

absl::Status Annotated(absl::string_view field, const absl::Status& why) {
  return absl::Status(why.code(), absl::StrCat(field, ": ", why.message()));
}

absl::Status CheckHello(const v1::Hello& hello) {
  if (hello.protocol_version() != kProtocolVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("this node speaks protocol version ", hello.protocol_version(),
                     ", this controller version ", kProtocolVersion,
                     ". Install the same release of heddle-node and heddle-controller"));
  }
  if (const absl::Status status = ValidateNodeId(hello.node_id()); !status.ok()) {
    return Annotated("hello.node_id", status);
  }
  if (hello.instance_id().empty()) {
    return absl::InvalidArgumentError("hello.instance_id: must not be empty");
  }
  HEDDLE_RETURN_IF_ERROR(CheckShort("hello.instance_id", hello.instance_id()));
  HEDDLE_RETURN_IF_ERROR(CheckShort("hello.software_version", hello.software_version()));
  return CheckShort("hello.resume.history", hello.resume().history());
}

}  // namespace

NodeStream::NodeStream(const Shared* shared, std::string remote_address,
                       std::weak_ptr<LiveStream> self, Submit submit, absl::Time now)
    : shared_(shared),
      remote_address_(std::move(remote_address)),
      self_(std::move(self)),
      submit_(std::move(submit)),
      opened_(now) {}

NodeStream::~NodeStream() {
  if (node_id_.empty()) return;
  shared_->registry->Detach(node_id_, attachment_);
  if (shared_->probe_reports != nullptr) {
    shared_->probe_reports->Add(node_id_, absl::UnavailableError("its stream has ended meanwhile"));
  }
  // Only who holds a lease is missed.
  if (!grant_ && !shared_->hub->IsAnnounced(node_id_)) shared_->registry->Forget(node_id_);
}

absl::Status NodeStream::OnMessage(const v1::NodeMessage& message, absl::Time now) {
  if (message.kind_case() == v1::NodeMessage::kHello) return OnHello(message.hello(), now);
  if (node_id_.empty()) {
    return absl::InvalidArgumentError(hello_ ? "a message that came before hello was answered"
                                             : "hello: must be the first message of a stream");
  }
  shared_->registry->Heard(node_id_, attachment_, now);
  switch (message.kind_case()) {
    case v1::NodeMessage::kAdvertise:
      return OnAdvertise(message.advertise());
    case v1::NodeMessage::kApplied:
      return OnApplied(message.applied(), now);
    case v1::NodeMessage::kProbeReport:
      OnProbeReport(message.probe_report());
      return absl::OkStatus();
    default:
      return absl::InvalidArgumentError("a message of a kind that this controller does not know");
  }
}

absl::Status NodeStream::OnHello(const v1::Hello& hello, absl::Time now) {
  if (hello_) return absl::InvalidArgumentError("hello: sent twice on one stream");
  HEDDLE_RETURN_IF_ERROR(CheckHello(hello));
  hello_ = hello;
  if (!KnowsMore()) return Admit(now);
  ask_position_ = true;
  admit_by_ = now + kPositionWithin;
  return absl::OkStatus();
}

// Another history counts, too: it may be the newer one.
bool NodeStream::KnowsMore() const {
  const v1::Position& resume = hello_->resume();
  if (resume.history().empty()) return false;
  return resume.history() != shared_->hub->history() ||
         resume.revision() > shared_->hub->progress();
}

absl::Status NodeStream::OnPosition(const absl::StatusOr<storage::Position>& position,
                                    absl::Time now) {
  if (!hello_ || !node_id_.empty()) return absl::OkStatus();
  if (!position.ok()) return Behind(position.status().message());
  if (position->history != shared_->hub->history()) {
    return Behind("the store has begun another history, which it is about to follow");
  }
  const v1::Position& resume = hello_->resume();
  if (resume.history() != position->history) return Admit(now);
  if (resume.revision() > position->revision) return StoreBehind(*position);
  if (KnowsMore()) return Behind("it does not follow the store's changes at the moment");
  return Admit(now);
}

absl::Status NodeStream::Behind(absl::string_view why) const {
  return absl::UnavailableError(absl::StrCat(
      "this controller is behind: it has revision ", shared_->hub->progress(), " of history '",
      shared_->hub->history(), "', the node has revision ", hello_->resume().revision(), " of '",
      hello_->resume().history(), "', and ", why, ". Try another controller"));
}

absl::Status NodeStream::StoreBehind(const storage::Position& store) const {
  if (shared_->store_behind) {
    shared_->store_behind(hello_->node_id(), hello_->resume().revision(), store);
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "the store is at revision ", store.revision, " of history '", store.history,
      "', and this node has applied revision ", hello_->resume().revision(),
      " of it: was the store set back to an older copy? When a second node says the like, the "
      "controllers begin a new history and all nodes are let in. If this node alone is wrong, stop "
      "it and remove the file 'snapshot' in its --state-dir"));
}

// Takes the node in.
absl::Status NodeStream::Admit(absl::Time now) {
  const v1::Hello& hello = *hello_;
  admit_by_ = absl::InfiniteFuture();
  HEDDLE_RETURN_IF_ERROR(shared_->hub->serving());
  network_told_ = shared_->hub->network_revision();  // before the network itself: may be newer
  const std::optional<Network> network = shared_->hub->network();
  if (!network) {
    return absl::FailedPreconditionError(
        "no network is configured yet. Set one with `heddlectl network set net-conf.json`, or "
        "start the controller with --net-conf");
  }
  HEDDLE_ASSIGN_OR_RETURN(
      NodeRegistry::Attached attached,
      shared_->registry->Attach({hello.node_id(), hello.instance_id(), remote_address_,
                                 hello.software_version(), self_, hello.can_probe()},
                                now));
  node_id_ = hello.node_id();
  attachment_ = attached.attachment;
  displaced_ = std::move(attached.displaced);
  out_.push_back(WelcomeFrame(shared_->hub->history(), *network, shared_->heartbeat_seconds,
                              shared_->controller_version, shared_->controller_id));
  heartbeat_at_ = now + absl::Seconds(shared_->heartbeat_seconds);
  return absl::OkStatus();
}

absl::Status NodeStream::OnAdvertise(const v1::Advertise& advertise) {
  HEDDLE_ASSIGN_OR_RETURN(advertised_, ToRequest(node_id_, advertise));
  const std::optional<Network> network = shared_->hub->network();
  if (network && !advertised_->advertisement.Runs(network->backend.type)) {
    // Said before it has heard of the present network, which is on its way: it will say it anew.
    spdlog::debug("node '{}' advertises backend '{}' while the network uses '{}'", node_id_,
                  advertised_->advertisement.backend_type, network->backend.type);
    return absl::OkStatus();
  }
  return SubmitAdvertised();
}

absl::Status NodeStream::SubmitAdvertised() {
  advertised_again_ = acquiring_;
  if (acquiring_) return absl::OkStatus();
  acquiring_ = true;
  return submit_(*advertised_);
}

absl::Status NodeStream::OnGrant(const absl::StatusOr<LeaseGrant>& grant) {
  acquiring_ = false;
  HEDDLE_RETURN_IF_ERROR(grant.status());
  const absl::Status known = grant_ ? grant_->refused : absl::OkStatus();
  grant_ = *grant;
  if (!grant_->refused.ok() && grant_->refused != known) {
    spdlog::warn("node '{}' keeps its lease as it was: {}", node_id_,
                 std::string(grant_->refused.message()));
  }
  TellNetwork();  // the subnets are of its ranges
  out_.push_back(OwnLeaseFrame(grant_->lease.ToPeer(), grant_->lease.expires, grant_->refused));
  if (!sending_) StartSending();
  return advertised_again_ ? SubmitAdvertised() : absl::OkStatus();
}

// Chooses between going on from what the node has and a snapshot.
void NodeStream::StartSending() {
  sending_ = true;
  at_once_ = true;
  WatchHub& hub = *shared_->hub;
  TellNetwork();  // it may have changed since Welcome, and a resumed stream begins after that
  const bool same = hello_->resume().history() == hub.history();
  const storage::Revision held = same ? hello_->resume().revision() : 0;
  std::optional<storage::Revision> cursor;
  if (same && !hello_->need_snapshot()) cursor = hub.ResumeFrom(held, hello_->set_hash());
  Deliver(cursor ? hub.Read(*cursor) : hub.Snapshot(held));
  spdlog::debug("node '{}' has revision {} and is sent {} to revision {}", node_id_, held,
                delivery_->snapshot ? "a snapshot" : "what changed", cursor_);
}

absl::Status NodeStream::OnOwnChange(const PeerChange& change) {
  if (!grant_) return absl::OkStatus();
  if (!change.peer && !grant_->refused.ok()) {
    // Another has the address that this one has left; perhaps the one it wants is free by that.
    return SubmitAdvertised();
  }
  if (!change.peer) {
    grant_.reset();
    return absl::AbortedError(absl::StrCat("the lease of node '", node_id_,
                                           "' was ended by an administrator or by expiry, or its "
                                           "address is another node's now; attach again"));
  }
  // The answer to this node's own request says it better, and is on its way.
  if (acquiring_ || *change.peer == grant_->lease.ToPeer()) return absl::OkStatus();
  grant_->lease.subnets = change.peer->subnets;
  grant_->lease.draining_subnets = change.peer->draining_subnets;
  grant_->lease.advertisement = change.peer->advertisement;
  TellNetwork();  // the subnets are of its ranges
  out_.push_back(OwnLeaseFrame(*change.peer, grant_->lease.expires, grant_->refused));
  return absl::OkStatus();
}

absl::Status NodeStream::OnApplied(const v1::Applied& applied, absl::Time now) {
  NodeReport report = ToReport(applied);
  // A revision that this stream has not sent is of another history.
  if (applied.revision() > delivered_) report.applied_revision = 0;
  shared_->registry->Report(node_id_, attachment_, std::move(report), now);
  CheckHash(applied, now);
  return absl::OkStatus();
}

// A report that cannot be used is the asker's to know, and no reason to part with the node.
void NodeStream::OnProbeReport(const v1::ProbeReport& message) {
  if (shared_->probe_reports == nullptr) return;
  shared_->probe_reports->Add(node_id_, ToProbeReport(message));
}

// A node whose set differs from what was announced at the revision it says it has is sent the whole
// set again. Not when it holds removals back: then it differs and says why.
void NodeStream::CheckHash(const v1::Applied& applied, absl::Time now) {
  if (delivery_ != nullptr || applied.revision() != delivered_ || applied.held_removals() > 0 ||
      now < resync_after_) {
    return;
  }
  const auto expected = shared_->hub->HashAt(applied.revision());
  if (!expected || *expected == applied.set_hash()) return;
  spdlog::warn(
      "node '{}' holds another set of peers than was announced at revision {}; "
      "sending all of them again",
      node_id_, applied.revision());
  resync_after_ = now + kResyncEvery;
  Deliver(shared_->hub->Snapshot(cursor_));
}

// A family that the network has gained: the node is given a subnet of it without asking again.
absl::Status NodeStream::OnNetworkChange() {
  const std::optional<Network> network = shared_->hub->network();
  if (!grant_ || !network || !advertised_->advertisement.Runs(network->backend.type)) {
    return absl::OkStatus();
  }
  for (Family family : kFamilies) {
    if (network->ranges[family] && !grant_->lease.subnets[family]) return SubmitAdvertised();
  }
  return absl::OkStatus();
}

// Snapshots do not carry the network; deltas do.
void NodeStream::TellNetwork() {
  const storage::Revision revision = shared_->hub->network_revision();
  if (revision <= network_told_) return;
  network_told_ = revision;
  if (const auto network = shared_->hub->network()) out_.push_back(NetworkFrame(*network));
}

void NodeStream::TellTrust() {
  const Frame trust = shared_->trust == nullptr ? nullptr : shared_->trust->frame();
  if (trust == nullptr || trust == trust_told_) return;
  trust_told_ = trust;
  out_.push_back(trust);
}

void NodeStream::Deliver(std::shared_ptr<const Delivery> delivery) {
  if (delivery->snapshot) TellNetwork();
  network_told_ = std::max(network_told_, delivery->revision);
  cursor_ = delivery->revision;
  delivery_ = std::move(delivery);
  next_frame_ = 0;
}

Frame NodeStream::NextOfDelivery() {
  Frame frame = delivery_->frames[next_frame_++];
  if (next_frame_ == delivery_->frames.size()) {
    delivered_ = delivery_->revision;
    delivery_ = nullptr;
  }
  return frame;
}

Frame NodeStream::Next(absl::Time now) {
  WatchHub& hub = *shared_->hub;
  if (!node_id_.empty()) TellTrust();
  if (!node_id_.empty() && !sending_) TellNetwork();
  if (out_.empty() && sending_ && delivery_ == nullptr &&
      cursor_ < (std::exchange(at_once_, false) ? hub.head() : hub.released())) {
    Deliver(hub.Read(cursor_));
  }
  if (!out_.empty()) {
    Frame frame = std::move(out_.front());
    out_.pop_front();
    return frame;
  }
  if (delivery_ == nullptr && now < heartbeat_at_) return nullptr;
  heartbeat_at_ = now + absl::Seconds(shared_->heartbeat_seconds);
  if (delivery_ != nullptr) return NextOfDelivery();
  // While the writer has the node's request: a sign of life that says nothing of the peers.
  const storage::Revision revision = sending_ ? cursor_ : 0;
  const std::uint64_t hash = sending_ ? hub.HashAt(cursor_).value_or(hub.set_hash()) : 0;
  return HeartbeatFrame(revision, hash, hub.settling(), hub.stale_since());
}

absl::Time NodeStream::deadline() const {
  if (!node_id_.empty()) return heartbeat_at_;
  return hello_ ? admit_by_ : opened_ + kHelloWithin;
}

absl::Status NodeStream::CheckDeadline(absl::Time now) const {
  if (now < deadline() || !node_id_.empty()) return absl::OkStatus();
  if (hello_) return Behind("the store does not answer");
  return absl::DeadlineExceededError(absl::StrCat(
      "no hello within ", absl::FormatDuration(kHelloWithin), " of opening the stream"));
}

}  // namespace heddle::controller
