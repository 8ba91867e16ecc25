// One peer in one family: underlay and overlay side by side, and for a silent VXLAN tunnel the
// frame for every MAC. Pure: it says what to send; time is an argument.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "api/probe.h"
#include "node/probe/size_search.h"
#include "node/probe/target.h"

namespace heddle::node {

class PathProbe {
 public:
  enum class Way { kUnderlay, kOverlay, kAnyMac };
  struct Packet {
    Way way = Way::kUnderlay;
    int bytes = 0;
  };

  explicit PathProbe(ProbeTarget target);

  const ProbeTarget& target() const { return target_; }
  // What to send at `now`; nothing: not before due(). Call until nothing.
  std::optional<Packet> Next(absl::Time now);
  absl::Time due() const;
  bool is_done() const;

  // Whether an answer to a packet on `way` may come from `address`.
  bool MayAnswer(Way way, const Ip& address) const;
  void Answered(const Packet& packet, absl::Duration rtt, absl::Time now);
  // It could not be sent; or, for kAnyMac, the peer says that nothing listens.
  void Refused(const Packet& packet, const std::string& error, absl::Time now);

  PeerProbe Result() const;

 private:
  bool TriesAnyMac() const;

  const ProbeTarget target_;
  SizeSearch underlay_;
  std::optional<SizeSearch> overlay_;
  Probe any_mac_;
  int any_mac_tries_ = 0;
  absl::Time any_mac_due_ = absl::InfinitePast();
  bool any_mac_done_ = false;
};

}  // namespace heddle::node
