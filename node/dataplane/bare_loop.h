// For apply_benchmark: peers of a tunnel, as plain values, and the least that programs them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/ip.h"
#include "base/mac.h"
#include "base/wireguard_key.h"

namespace heddle::node {

enum class Tunnel { kVxlan, kIpip, kWireguard };

// What peer `peer` (1 and up) of a tunnel is made of; 0 is this host.
inline constexpr std::uint16_t kListenPort = 51820;
const char* DeviceOf(Tunnel tunnel);
Ip Base(int peer);  // of its subnet, a /25
Mac MacOf(int peer);
WireguardKey KeyOf(int peer);
Ip Remote(int peer);
std::uint32_t Id(int peer);
// A vxlan's gateway is the peer's own subnet, an ipip's the outer destination; zero: none.
Ip GatewayOf(Tunnel tunnel, int peer);

// Fixed structures filled in and sent, 128 messages to a system call; for WireGuard's peers, which
// may share a message, 128 of them. Checks that the kernel took all.
class BareLoop {
 public:
  // The device must be there.
  BareLoop(Tunnel tunnel, int peers);
  ~BareLoop();
  BareLoop(const BareLoop&) = delete;
  BareLoop& operator=(const BareLoop&) = delete;

  bool Run();

 private:
  template <typename T>
  void Put(const T& value);
  void Begin(int type, int flags);
  template <typename T>
  void Attribute(int type, const T& value);
  std::size_t BeginNest(int type);
  void EndNest(std::size_t start);
  void End();
  void Flush();

  void Fdb(int peer);
  void NeighbourOf(int peer);
  void NexthopOf(int peer);
  void RouteOf(int peer);
  std::uint16_t WireguardFamily();
  void WireguardPeers(std::uint16_t family, int first, int end);
  void WireguardPeerOf(int peer);

  const Tunnel tunnel_;
  const int peers_;
  const int index_;
  int route_fd_ = -1, generic_fd_ = -1;
  int fd_ = -1;  // the one of the two in use
  bool ok_ = true;
  std::size_t size_ = 0, start_ = 0;
  int messages_ = 0;
  std::uint32_t sequence_ = 0;
  alignas(8) char buffer_[32 << 10];
};

}  // namespace heddle::node
