// A thread that moves packets, both ways, between one queue of the TUN device and UDP sockets.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/ip.h"
#include "node/dataplane/forwarder/counters.h"
#include "node/dataplane/forwarder/event_set.h"
#include "node/dataplane/forwarder/features.h"
#include "node/dataplane/forwarder/inbound.h"
#include "node/dataplane/forwarder/outbound.h"
#include "node/dataplane/forwarder/swapped.h"
#include "node/dataplane/forwarder/tunnel_table.h"

namespace heddle::node::forwarder {

// Borrowed; non-blocking.
struct WorkerPorts {
  int tun = -1;
  bool vnet_header = false;
  PerFamily<int> send;
  std::vector<int> receive;
};

class Worker {
 public:
  // Works from now on. `on_gone` is called, at most once and by the worker's thread, when the
  // device was removed; the worker does nothing more then.
  Worker(const WorkerPorts& ports, const Features& features, Swapped<TunnelTable>* table,
         std::function<void()> on_gone);
  ~Worker() { Stop(); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Ends the thread between two batches: what it has taken, it has passed on. Once is enough.
  void Stop();

  const Counters& counters() const { return counters_; }
  bool is_gone() const { return is_gone_; }
  // Whether UDP_SEGMENT was to be used and turned out not to work.
  bool lacks_gso() const;

 private:
  void Run();
  // Everything that is ready gets one turn of bounded length, so that nobody starves another.
  void Serve(const TunnelTable& table, absl::Span<const EventSet::Event> events);
  // While a socket has no room the TUN queue is not read.
  void SetBlocked(bool blocked);
  void Drain();

  Counters counters_;
  TunQueue tun_;
  PerFamily<std::unique_ptr<UdpSender>> senders_;
  std::vector<UdpReceiver> receivers_;
  Outbound outbound_;
  Inbound inbound_;
  Swapped<TunnelTable>* const table_;
  const std::function<void()> on_gone_;
  EventSet events_;
  bool is_blocked_ = false;
  std::atomic<bool> is_stopping_{false}, is_gone_{false};
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace heddle::node::forwarder
