// A plain forwarder: IP packets between a TUN device and a UDP socket, one packet per system call,
// one thread, a search along the list of subnets. That is how flannel's udp backend works, so it is
// both the peer that the udp backend must understand and what its speed is compared with.
//
//   plain_forwarder DEVICE ADDRESS PORT [SUBNET=PEER...]
//
// Makes the device, without address or route, and sends from ADDRESS:PORT to the same port of the
// peer behind a packet's destination. What arrives there loses one hop and goes to the device. The
// device goes when the process ends. It tells nobody of unknown destinations; they are dropped.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/ip.h"
#include "tests/lab/error.h"
#include "tests/lab/socket_address.h"

namespace heddle::lab {
namespace {

constexpr std::size_t kMaxPacketBytes = 65536;

struct Subnet {
  Prefix prefix;
  SocketAddress peer;
};

struct Parameters {
  std::string device;
  SocketAddress local;
  std::vector<Subnet> subnets;
};

Parameters Parse(const std::vector<std::string>& words) {
  std::uint32_t port = 0;
  if (words.size() < 3 || !absl::SimpleAtoi(words[2], &port) || port < 1 || port > 65535) {
    throw LabError("usage: plain_forwarder DEVICE ADDRESS PORT [SUBNET=PEER...]");
  }
  const auto to = [&](const std::string& address) {
    return ToSocketAddress(ParseIp(address), static_cast<std::uint16_t>(port));
  };
  Parameters parameters{words[0], to(words[1]), {}};
  for (std::size_t i = 3; i < words.size(); ++i) {
    const std::pair<std::string, std::string> sides = absl::StrSplit(words[i], '=');
    const auto prefix = Prefix::Parse(sides.first);
    if (!prefix.ok()) throw LabError("no subnet: " + words[i]);
    parameters.subnets.push_back({*prefix, to(sides.second)});
  }
  return parameters;
}

int OpenDevice(const std::string& name) {
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) ThrowErrno("/dev/net/tun");
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  if (ioctl(fd, TUNSETIFF, &request) != 0) ThrowErrno("make the TUN device " + name);
  return fd;
}

int OpenSocket(const SocketAddress& local) {
  const int fd = socket(local.get()->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, local.get(), local.length) != 0) ThrowErrno("bind a UDP socket");
  return fd;
}

Ip DestinationOf(const std::uint8_t* packet, Family family) {
  const bool v4 = family == Family::kV4;
  return *Ip::FromBytes({reinterpret_cast<const char*>(packet) + (v4 ? 16 : 24), v4 ? 4u : 16u});
}

// Takes one hop; false: it was the last. The IPv4 checksum grows by what the TTL's word loses.
bool TakeHop(std::uint8_t* packet, Family family) {
  std::uint8_t& hops = packet[family == Family::kV4 ? 8 : 7];
  if (hops <= 1) return false;
  --hops;
  if (family == Family::kV6) return true;
  std::uint32_t sum = static_cast<std::uint32_t>(packet[10] << 8 | packet[11]) + 0x100;
  sum = (sum & 0xffff) + (sum >> 16);
  packet[10] = static_cast<std::uint8_t>(sum >> 8);
  packet[11] = static_cast<std::uint8_t>(sum);
  return true;
}

class PlainForwarder {
 public:
  explicit PlainForwarder(const Parameters& parameters)
      : subnets_(parameters.subnets),
        device_(OpenDevice(parameters.device)),
        socket_(OpenSocket(parameters.local)) {}

  [[noreturn]] void Run() {
    while (true) {
      pollfd waiting[] = {{device_, POLLIN, 0}, {socket_, POLLIN, 0}};
      if (poll(waiting, 2, -1) < 0 && errno != EINTR) ThrowErrno("poll");
      for (bool active = true; active;) {
        const bool sent = SendOne();
        const bool received = ReceiveOne();
        active = sent || received;
      }
    }
  }

 private:
  // Each: false when there is nothing to do. Packets that cannot go on are dropped, as on any wire.
  bool SendOne() {
    const ssize_t got = read(device_, packet_, sizeof packet_);
    if (got <= 0) return false;
    const auto family = FamilyOf(got);
    if (!family) return true;
    const Ip destination = DestinationOf(packet_, *family);
    for (std::size_t i = 0; i < subnets_.size(); ++i) {
      if (!subnets_[i].prefix.Contains(destination)) continue;
      const SocketAddress& peer = subnets_[i].peer;
      sendto(socket_, packet_, static_cast<std::size_t>(got), 0, peer.get(), peer.length);
      std::swap(subnets_[i], subnets_[0]);  // found sooner the next time
      break;
    }
    return true;
  }
  bool ReceiveOne() {
    const ssize_t got = recv(socket_, packet_, sizeof packet_, 0);
    if (got < 0) return false;
    const auto family = FamilyOf(got);
    if (!family || !TakeHop(packet_, *family)) return true;
    if (write(device_, packet_, static_cast<std::size_t>(got)) < 0 && errno != EAGAIN) {
      std::perror("plain_forwarder: a packet for the TUN device");
    }
    return true;
  }
  std::optional<Family> FamilyOf(ssize_t bytes) const {
    if (bytes >= 20 && packet_[0] >> 4 == 4) return Family::kV4;
    if (bytes >= 40 && packet_[0] >> 4 == 6) return Family::kV6;
    return {};
  }

  std::vector<Subnet> subnets_;
  const int device_, socket_;
  std::uint8_t packet_[kMaxPacketBytes];
};

}  // namespace
}  // namespace heddle::lab

int main(int argc, char** argv) {
  using namespace heddle::lab;
  try {
    PlainForwarder(Parse({argv + 1, argv + argc})).Run();
  } catch (const LabError& error) {
    std::fprintf(stderr, "plain_forwarder: %s\n", error.what());
    return 1;
  }
}
