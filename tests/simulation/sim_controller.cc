#include "tests/simulation/sim_controller.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"

namespace heddle::simulation {

using controller::AcquireRequest;
using controller::BookChanges;
using controller::Frame;
using controller::LeaseGrant;
using controller::NodeStream;

class SimController::SimStream final : public controller::LiveStream,
                                       public std::enable_shared_from_this<SimStream> {
 public:
  SimStream(SimController* owner, WirePtr wire) : owner_(owner), wire_(std::move(wire)) {}

  void Open() {
    const std::weak_ptr<SimStream> self = weak_from_this();
    core_ = std::make_unique<NodeStream>(
        &owner_->shared_, "sim", self,
        [this, self](AcquireRequest request) {
          owner_->posted_->push_back([this, self, request = std::move(request)] {
            if (self.lock() == nullptr) return;
            owner_->writer_->Acquire(request, [self](absl::StatusOr<LeaseGrant> grant) {
              if (auto stream = self.lock()) stream->OnGrant(grant);
            });
          });
          return absl::OkStatus();
        },
        owner_->clock_->Now());
  }

  void Close(absl::Status why) override {
    if (ended_.ok()) ended_ = why.ok() ? absl::CancelledError("closed") : std::move(why);
  }
  void SendAcceptRemovals() override { core_->AcceptRemovals(); }
  void SendProbeRequest(const ProbeRequest& request) override { core_->AskToProbe(request); }
  void OnOwnChange(const controller::PeerChange& change) override {
    CloseUnless(core_->OnOwnChange(change));
  }
  void OnNetworkChange() { CloseUnless(core_->OnNetworkChange()); }
  void OnGrant(const absl::StatusOr<LeaseGrant>& grant) { CloseUnless(core_->OnGrant(grant)); }

  void Receive() {
    v1::NodeMessage message;
    const bool parsed = message.ParseFromString(wire_->to_controller.front());
    wire_->to_controller.pop_front();
    CloseUnless(parsed ? core_->OnMessage(message, owner_->clock_->Now())
                       : absl::InvalidArgumentError("not a message"));
    if (const auto displaced = core_->TakeDisplaced()) {
      displaced->Close(absl::AbortedError("displaced"));
    }
    if (core_->TakeAskPosition()) AskPosition();
  }

  void Pump() {
    CloseUnless(core_->CheckDeadline(owner_->clock_->Now()));
    if (!ended_.ok()) return;
    while (Frame frame = core_->Next(owner_->clock_->Now())) wire_->to_node.push_back(*frame);
  }

  bool ended() const { return !ended_.ok() || !wire_->controller_open; }
  const WirePtr& wire() const { return wire_; }

 private:
  void AskPosition() {
    const std::weak_ptr<SimStream> self = weak_from_this();
    owner_->store_->ReadPosition(
        [self, posted = owner_->posted_](const absl::StatusOr<storage::Position>& position) {
          posted->push_back([self, position] {
            if (auto stream = self.lock()) stream->OnPosition(position);
          });
        });
  }
  void OnPosition(const absl::StatusOr<storage::Position>& position) {
    CloseUnless(core_->OnPosition(position, owner_->clock_->Now()));
  }
  void CloseUnless(const absl::Status& status) {
    if (!status.ok()) Close(status);
  }

  SimController* const owner_;
  const WirePtr wire_;
  std::unique_ptr<NodeStream> core_;
  absl::Status ended_;
};

SimController::SimController(storage::MemoryStore* store, const SimClock* clock,
                             controller::LeasePolicy policy)
    : store_(store),
      clock_(clock),
      registry_(absl::Seconds(15)),
      posted_(std::make_shared<std::deque<std::function<void()>>>()) {
  shared_.hub = &hub_;
  shared_.registry = &registry_;
  shared_.heartbeat_seconds = 5;
  shared_.controller_version = "simulated";
  controller::Writer::Options options;
  options.policy = policy;
  controller::Writer::Wiring wiring;
  wiring.store = store;
  wiring.clock = clock;
  wiring.hub = &hub_;
  wiring.post = [posted = posted_](std::function<void()> work) {
    posted->push_back(std::move(work));
  };
  wiring.alive = [this] { return registry_.Alive(); };
  wiring.registry = &registry_;
  wiring.published = [this](const BookChanges& changes) { Publish(changes); };
  writer_ = std::make_unique<controller::Writer>(options, std::move(wiring));
}

SimController::~SimController() {
  for (const auto& stream : streams_) stream->wire()->controller_open = false;
  streams_.clear();
  posted_->clear();
}

void SimController::Connect(WirePtr wire) {
  streams_.push_back(std::make_shared<SimStream>(this, std::move(wire)));
  streams_.back()->Open();
  hub_.set_stream_count(streams_.size());
}

void SimController::Receive(const WirePtr& wire) {
  for (const auto& stream : streams_) {
    if (stream->wire() == wire && !stream->ended()) return stream->Receive();
  }
  wire->to_controller.clear();
}

void SimController::Publish(const BookChanges& changes) {
  if (changes.network_changed) {
    for (const auto& stream : streams_) stream->OnNetworkChange();
  }
  for (const controller::PeerChange& change : changes.peers) {
    if (const auto stream = registry_.FindStream(change.node_id)) stream->OnOwnChange(change);
  }
}

void SimController::CloseEnded() {
  for (const auto& stream : streams_) {
    if (stream->ended()) stream->wire()->controller_open = false;
  }
  streams_.erase(std::remove_if(streams_.begin(), streams_.end(),
                                [](const auto& stream) { return stream->ended(); }),
                 streams_.end());
}

void SimController::Pump() {
  while (!posted_->empty()) {
    const auto work = std::move(posted_->front());
    posted_->pop_front();
    work();
  }
  if (writer_->tick_at() <= clock_->Now()) writer_->Tick();
  if (hub_.release_at() <= clock_->Now()) hub_.Release(clock_->Now());
  for (const auto& stream : streams_) stream->Pump();
  CloseEnded();
}

}  // namespace heddle::simulation
