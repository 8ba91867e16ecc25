// The kernel's features that make a forwarder fast. Each is used if this kernel has it and nobody
// switched it off; what is left when all are missing still forwards.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heddle::node::forwarder {

struct Features {
  bool checksum = true;  // TUN_F_CSUM: checksums of pods' packets are left to us
  bool tso = true;       // TUN_F_TSO4, TUN_F_TSO6: so is cutting TCP
  bool uso = true;       // TUN_F_USO4, TUN_F_USO6: and UDP
  bool gso = true;       // UDP_SEGMENT: many equal datagrams in one send
  bool gro = true;       // UDP_GRO: and in one receive
  bool mmsg = true;      // sendmmsg, recvmmsg: many sends and receives in one system call

  friend bool operator==(const Features& a, const Features& b);
};

// "tso,uso" as all but these. InvalidArgument names the word that is none and those that are.
absl::StatusOr<Features> AllBut(absl::string_view names);

// The names of those that `features` has, or has not, in the order above.
std::vector<std::string> NamesOf(const Features& features, bool present);

// Tells the device of a TUN queue what its frames may leave to us: the most of what is wanted that
// this kernel can do. False for what it cannot; without a vnet header, none of it. The queue's
// kernel forgets what was set before.
Features OfferOffloads(int tun_queue, bool vnet_header, const Features& wanted);

// Switches UDP_GRO on or off at the socket, and tells which of the features of sockets there are.
Features PrepareSocket(int udp_socket, const Features& wanted);

}  // namespace heddle::node::forwarder
