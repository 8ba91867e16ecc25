#include "node/dataplane/forwarder/worker.h"

#include "absl/time/clock.h"

namespace heddle::node::forwarder {
namespace {

constexpr std::uint32_t kTun = 0;
constexpr std::uint32_t kFirstReceiver = 1;
// How soon a socket that had no room is tried again, and how often before the end.
constexpr absl::Duration kRetry = absl::Milliseconds(1);
constexpr int kLastRetries = 50;

PerFamily<std::unique_ptr<UdpSender>> MakeSenders(const PerFamily<int>& sockets,
                                                  const Features& features, Counters* counters) {
  PerFamily<std::unique_ptr<UdpSender>> senders;
  sockets.ForEach([&](Family family, int socket) {
    senders[family] = std::make_unique<UdpSender>(socket, features, counters);
  });
  return senders;
}

PerFamily<UdpSender*> Borrow(const PerFamily<std::unique_ptr<UdpSender>>& senders) {
  PerFamily<UdpSender*> borrowed;
  senders.ForEach([&](Family family, const std::unique_ptr<UdpSender>& sender) {
    borrowed[family] = sender.get();
  });
  return borrowed;
}

}  // namespace

Worker::Worker(const WorkerPorts& ports, const Features& features, Swapped<TunnelTable>* table,
               std::function<void()> on_gone)
    : tun_(ports.tun, ports.vnet_header, &counters_),
      senders_(MakeSenders(ports.send, features, &counters_)),
      outbound_(&tun_, Borrow(senders_), &counters_),
      inbound_(&tun_, ports.send, {features.tso, features.uso}, &counters_),
      table_(table),
      on_gone_(std::move(on_gone)) {
  events_.Add(ports.tun, kTun);
  for (int socket : ports.receive) {
    events_.Add(socket, kFirstReceiver + static_cast<std::uint32_t>(receivers_.size()));
    receivers_.emplace_back(socket, features, &counters_);
  }
  thread_ = std::thread([this] { Run(); });
}

void Worker::Stop() {
  if (!thread_.joinable()) return;
  is_stopping_ = true;
  events_.Wake();
  thread_.join();
}

bool Worker::lacks_gso() const {
  bool lacks = false;
  senders_.ForEach([&](Family, const std::unique_ptr<UdpSender>& sender) {
    lacks = lacks || !sender->uses_gso();
  });
  return lacks;
}

void Worker::Run() {
  Swapped<TunnelTable>::Reader reader(table_, [this] { events_.Wake(); });
  while (!is_stopping_ && !is_gone_) {
    const auto events = events_.Wait(is_blocked_ ? kRetry : absl::InfiniteDuration());
    reader.Quiesce();
    Serve(reader.Get(), events);
  }
  if (is_gone_) return on_gone_();
  Drain();
}

void Worker::Serve(const TunnelTable& table, absl::Span<const EventSet::Event> events) {
  if (is_blocked_) {
    outbound_.Resume();
    SetBlocked(outbound_.is_blocked());
  }
  for (const EventSet::Event& event : events) {
    if (event.tag >= kFirstReceiver) {
      inbound_.Run(table, &receivers_[event.tag - kFirstReceiver]);
    } else if (event.has_failed) {
      is_gone_ = true;
    } else if (!is_blocked_) {
      outbound_.Run(table);
      SetBlocked(outbound_.is_blocked());
    }
  }
  if (tun_.is_gone()) is_gone_ = true;
}

void Worker::SetBlocked(bool blocked) {
  if (blocked == is_blocked_) return;
  is_blocked_ = blocked;
  if (blocked) {
    events_.Pause(tun_.fd(), kTun);
  } else {
    events_.Continue(tun_.fd(), kTun);
  }
}

void Worker::Drain() {
  for (int i = 0; outbound_.is_blocked() && i < kLastRetries; ++i) {
    absl::SleepFor(kRetry);
    outbound_.Resume();
  }
  outbound_.GiveUp();
}

}  // namespace heddle::node::forwarder
