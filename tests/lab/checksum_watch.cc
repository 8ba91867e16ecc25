#include "tests/lab/checksum_watch.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/lab/checksum.h"
#include "tests/lab/command.h"
#include "tests/lab/error.h"

namespace heddle::lab {
namespace {

constexpr int kBufferBytes = 64 << 20;
constexpr std::size_t kUdpHeaderBytes = 8;

// Where things are in a packet.
struct Layout {
  Ip source, destination;
  std::uint8_t protocol;
  absl::string_view payload;  // of IP
};

// Nothing for what is no TCP or UDP packet, or a part of one.
std::optional<Layout> LayOut(absl::string_view packet) {
  const int version = packet.empty() ? 0 : static_cast<std::uint8_t>(packet[0]) >> 4;
  const bool v4 = version == 4;
  if (packet.size() < (v4 ? 20 : 40) || (!v4 && version != 6)) return {};
  const std::size_t header = v4 ? (packet[0] & 0xf) * 4u : 40u;
  const bool fragment = v4 && (Get16(&packet[6]) & 0x3fff) != 0;
  const std::size_t length = Get16(&packet[v4 ? 2 : 4]) + (v4 ? 0 : header);
  const auto protocol = static_cast<std::uint8_t>(packet[v4 ? 9 : 6]);
  if (fragment || (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)) return {};
  if (length < header + kUdpHeaderBytes || length > packet.size()) return {};
  const std::size_t address = v4 ? 4 : 16, at = v4 ? 12 : 8;
  return Layout{*Ip::FromBytes(packet.substr(at, address)),
                *Ip::FromBytes(packet.substr(at + address, address)), protocol,
                packet.substr(header, length - header)};
}

bool HasRightChecksum(const Layout& layout) {
  // UDP over IPv4 may go without.
  if (layout.protocol == IPPROTO_UDP && layout.source.family() == Family::kV4 &&
      Get16(&layout.payload[6]) == 0) {
    return true;
  }
  return Checksum(PseudoHeader(layout.source, layout.destination, layout.protocol,
                               layout.payload.size()),
                  layout.payload) == 0;
}

bool IsUnfinished(msghdr* message) {
  for (cmsghdr* part = CMSG_FIRSTHDR(message); part != nullptr; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level == SOL_PACKET && part->cmsg_type == PACKET_AUXDATA) {
      const auto* words = reinterpret_cast<const tpacket_auxdata*>(CMSG_DATA(part));
      return (words->tp_status & TP_STATUS_CSUMNOTREADY) != 0;
    }
  }
  throw LabError("a packet without PACKET_AUXDATA");
}

}  // namespace

void SwitchOffloadsOff(const NetworkNamespace& netns, const std::string& link) {
  RunCommand(&netns, absl::StrCat("ethtool -K ", link, " tx off rx off tso off gso off gro off"));
}

ChecksumWatch::ChecksumWatch(const NetworkNamespace& netns, const std::string& link,
                             std::optional<std::uint16_t> tunnel_port)
    : tunnel_port_(tunnel_port), socket_(netns, AF_PACKET, SOCK_DGRAM) {
  socket_.Set(SOL_SOCKET, SO_RCVBUF, kBufferBytes);
  socket_.Set(SOL_PACKET, PACKET_AUXDATA, 1);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  netns.Enter([&] { address.sll_ifindex = static_cast<int>(if_nametoindex(link.c_str())); });
  if (bind(socket_.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    ThrowErrno("watch the link " + link);
  }
  thread_ = std::thread([this] { Loop(); });
}

ChecksumWatch::~ChecksumWatch() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

ChecksumWatch::Seen ChecksumWatch::Stop() {
  stopping_ = true;
  if (!thread_.joinable()) return seen_;
  thread_.join();
  tpacket_stats counts{};
  socklen_t size = sizeof counts;
  if (getsockopt(socket_.fd(), SOL_PACKET, PACKET_STATISTICS, &counts, &size) != 0) {
    ThrowErrno("what a watch has missed");
  }
  seen_.missed = static_cast<int>(counts.tp_drops);
  return seen_;
}

void ChecksumWatch::Loop() {
  std::vector<char> buffer(1 << 17);
  while (true) {
    pollfd waiting{socket_.fd(), POLLIN, 0};
    if (poll(&waiting, 1, 50) <= 0) {
      if (stopping_) return;
      continue;
    }
    sockaddr_ll from{};
    iovec bytes{buffer.data(), buffer.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(tpacket_auxdata))];
    msghdr message{&from, sizeof from, &bytes, 1, control, sizeof control, 0};
    const ssize_t got = recvmsg(socket_.fd(), &message, MSG_DONTWAIT);
    if (got <= 0 || from.sll_pkttype == PACKET_OUTGOING) continue;
    Look({buffer.data(), static_cast<std::size_t>(got)}, IsUnfinished(&message));
  }
}

void ChecksumWatch::Look(absl::string_view packet, bool unfinished) {
  std::optional<Layout> layout = LayOut(packet);
  if (!layout) return;
  if (tunnel_port_) {
    if (layout->protocol != IPPROTO_UDP || layout->payload.size() < kUdpHeaderBytes ||
        Get16(&layout->payload[2]) != *tunnel_port_) {
      return;
    }
    seen_.largest_bytes = std::max(seen_.largest_bytes, static_cast<int>(packet.size()));
    layout = LayOut(packet = layout->payload.substr(kUdpHeaderBytes));
    if (!layout) return;
    unfinished = false;  // that was the outer one's
  }
  seen_.largest_bytes = std::max(seen_.largest_bytes, static_cast<int>(packet.size()));
  if (unfinished) {
    ++seen_.unfinished;
  } else if (HasRightChecksum(*layout)) {
    ++seen_.right;
  } else if (seen_.wrong++ == 0) {
    seen_.first_wrong = absl::BytesToHexString(packet.substr(0, 100));
  }
}

}  // namespace heddle::lab
