// A peer's VXLAN port, spoken to past our own device.
#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "node/probe/echo_packet.h"
#include "node/probe/target.h"

namespace heddle::node {

// Owned and called by one thread.
class VxlanPort {
 public:
  // Sends who we are and one echo request, each in a frame for every MAC. Its answer comes through
  // our device, to the EchoSocket that `tag` is of. An error has the kernel's reason as its
  // message.
  static absl::StatusOr<VxlanPort> Send(const ProbeTarget::Vxlan& tunnel, const Ip& from,
                                        const Ip& to, const EchoTag& tag);
  ~VxlanPort();
  VxlanPort(VxlanPort&& other) noexcept;
  VxlanPort& operator=(VxlanPort&& other) noexcept;

  // Unavailable once it has come back that nothing listens there (or a firewall said so), with the
  // kernel's reason as its message. Told once.
  absl::Status Refusal();

 private:
  explicit VxlanPort(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace heddle::node
