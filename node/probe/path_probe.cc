#include "node/probe/path_probe.h"

#include <algorithm>
#include <utility>

#include "node/probe/echo_packet.h"

namespace heddle::node {
namespace {

constexpr int kAnyMacTries = 3;
constexpr absl::Duration kAnyMacPatience = absl::Milliseconds(300);

std::optional<SizeSearch> SearchOn(const std::optional<ProbeTarget::Way>& way) {
  return way ? std::optional<SizeSearch>(way->full_bytes) : std::nullopt;
}

}  // namespace

PathProbe::PathProbe(ProbeTarget target)
    : target_(std::move(target)),
      underlay_(target_.underlay.full_bytes),
      overlay_(SearchOn(target_.overlay)) {}

// Once the tunnel has been silent: not when our own kernel refused to send.
bool PathProbe::TriesAnyMac() const {
  return target_.vxlan && overlay_ && overlay_->is_done() && !overlay_->small().answered &&
         overlay_->small().error.empty();
}

bool PathProbe::is_done() const {
  return underlay_.is_done() && (!overlay_ || overlay_->is_done()) &&
         (!TriesAnyMac() || any_mac_done_);
}

absl::Time PathProbe::due() const {
  absl::Time due = underlay_.due();
  if (overlay_) due = std::min(due, overlay_->due());
  if (TriesAnyMac() && !any_mac_done_) due = std::min(due, any_mac_due_);
  return due;
}

std::optional<PathProbe::Packet> PathProbe::Next(absl::Time now) {
  if (const auto bytes = underlay_.Next(now)) return Packet{Way::kUnderlay, *bytes};
  if (overlay_) {
    if (const auto bytes = overlay_->Next(now)) return Packet{Way::kOverlay, *bytes};
  }
  if (!TriesAnyMac() || any_mac_done_ || now < any_mac_due_) return std::nullopt;
  if (any_mac_tries_ == kAnyMacTries) {
    any_mac_done_ = true;
    return std::nullopt;
  }
  ++any_mac_tries_;
  any_mac_due_ = now + kAnyMacPatience;
  any_mac_.size_bytes = kSmallPacketBytes;
  return Packet{Way::kAnyMac, kSmallPacketBytes};
}

bool PathProbe::MayAnswer(Way way, const Ip& address) const {
  return address == (way == Way::kUnderlay ? target_.underlay.to : target_.overlay->to);
}

void PathProbe::Answered(const Packet& packet, absl::Duration rtt, absl::Time now) {
  rtt = std::max(rtt, absl::ZeroDuration());
  switch (packet.way) {
    case Way::kUnderlay:
      underlay_.Answered(packet.bytes, rtt, now);
      break;
    case Way::kOverlay:
      overlay_->Answered(packet.bytes, rtt, now);
      break;
    case Way::kAnyMac:
      any_mac_.answered = any_mac_done_ = true;
      any_mac_.rtt = rtt;
      break;
  }
}

void PathProbe::Refused(const Packet& packet, const std::string& error, absl::Time now) {
  switch (packet.way) {
    case Way::kUnderlay:
      underlay_.Refused(packet.bytes, error, now);
      break;
    case Way::kOverlay:
      overlay_->Refused(packet.bytes, error, now);
      break;
    case Way::kAnyMac:
      any_mac_.error = error;
      any_mac_done_ = true;
      break;
  }
}

PeerProbe PathProbe::Result() const {
  PeerProbe result;
  result.node_id = target_.node_id;
  result.family = target_.family;
  result.backend_type = target_.backend_type;
  result.underlay_address = target_.underlay.to;
  result.underlay_small = underlay_.small();
  result.underlay_full = underlay_.full();
  result.underlay_largest_bytes = underlay_.largest_bytes();
  if (!overlay_) return result;
  result.overlay_address = target_.overlay->to;
  result.overlay_small = overlay_->small();
  result.overlay_full = overlay_->full();
  result.overlay_largest_bytes = overlay_->largest_bytes();
  result.overlay_any_mac = any_mac_;
  return result;
}

}  // namespace heddle::node
