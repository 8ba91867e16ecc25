#include "node/dataplane/forwarder/features.h"

#include <errno.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/utsname.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "node/dataplane/forwarder/offload.h"

// Of Linux 6.2.
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

namespace heddle::node::forwarder {
namespace {

struct Named {
  absl::string_view name;
  bool Features::*member;
};
constexpr Named kAll[] = {
    {"checksum", &Features::checksum}, {"tso", &Features::tso}, {"uso", &Features::uso},
    {"gso", &Features::gso},           {"gro", &Features::gro}, {"mmsg", &Features::mmsg},
};

bool Accepts(int tun_queue, const Features& features) {
  unsigned flags = 0;
  if (features.checksum) flags |= TUN_F_CSUM;
  if (features.tso) flags |= TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  if (features.uso) flags |= TUN_F_USO4 | TUN_F_USO6;
  return ioctl(tun_queue, TUNSETOFFLOAD, flags) == 0;
}

// Whether the system calls are there: none before Linux 3.0, and a filter may forbid them.
bool HasMmsg() {
  mmsghdr none{};
  const bool sends = sendmmsg(-1, &none, 1, 0) == 0 || errno == EBADF;
  const bool receives = recvmmsg(-1, &none, 1, 0, nullptr) == 0 || errno == EBADF;
  return sends && receives;
}

// The kernel has UDP_GRO since 5.0, and others who use it (wireguard-go) found it faulty
// until 5.12.
bool HasSoundGro() {
  utsname kernel{};
  int major = 0, minor = 0;
  if (uname(&kernel) != 0 || sscanf(kernel.release, "%d.%d", &major, &minor) != 2) return false;
  return std::make_pair(major, minor) >= std::make_pair(5, 12);
}

bool Set(int socket, int option, int value) {
  return setsockopt(socket, IPPROTO_UDP, option, &value, sizeof(value)) == 0;
}

}  // namespace

bool operator==(const Features& a, const Features& b) {
  return std::all_of(std::begin(kAll), std::end(kAll),
                     [&](const Named& one) { return a.*one.member == b.*one.member; });
}

absl::StatusOr<Features> AllBut(absl::string_view names) {
  Features features;
  for (absl::string_view name : absl::StrSplit(names, ',', absl::SkipWhitespace())) {
    const auto* found = std::find_if(std::begin(kAll), std::end(kAll),
                                     [&](const Named& one) { return one.name == name; });
    if (found == std::end(kAll)) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", name, "' is nothing that can be left out; these can: ",
                       absl::StrJoin(kAll, ", ", [](std::string* out, const Named& one) {
                         absl::StrAppend(out, one.name);
                       })));
    }
    features.*found->member = false;
  }
  return features;
}

std::vector<std::string> NamesOf(const Features& features, bool present) {
  std::vector<std::string> names;
  for (const Named& one : kAll) {
    if (features.*one.member == present) names.emplace_back(one.name);
  }
  return names;
}

Features OfferOffloads(int tun_queue, bool vnet_header, const Features& wanted) {
  Features offered = wanted;
  // The kernel cuts what has no checksum to be filled in, and cuts UDP only where it cuts TCP.
  offered.checksum = wanted.checksum && vnet_header;
  offered.tso = wanted.tso && offered.checksum;
  offered.uso = wanted.uso && offered.tso;
  int header_bytes = sizeof(Offload);
  if (vnet_header) ioctl(tun_queue, TUNSETVNETHDRSZ, &header_bytes);
  for (bool Features::*less : {&Features::uso, &Features::tso, &Features::checksum}) {
    if (Accepts(tun_queue, offered)) break;
    offered.*less = false;
  }
  return offered;
}

Features PrepareSocket(int udp_socket, const Features& wanted) {
  Features found = wanted;
  found.gso = wanted.gso && Set(udp_socket, UDP_SEGMENT, 0);
  found.gro = wanted.gro && HasSoundGro();
  found.gro = Set(udp_socket, UDP_GRO, found.gro ? 1 : 0) && found.gro;
  found.mmsg = wanted.mmsg && HasMmsg();
  return found;
}

}  // namespace heddle::node::forwarder
