#include "node/dataplane/forwarder/two_hosts.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder/descriptors.h"
#include "node/dataplane/private_network.h"

namespace heddle::node::forwarder {
namespace {

// What the forwarder adds to a packet, at most: an IPv6 and a UDP header.
constexpr int kMtu = 1500 - 48;

std::string NameOf(int number) { return absl::StrCat("h", number); }

Descriptor OpenNamespace(const std::string& path) {
  Descriptor opened(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(opened.is_open()) << path;
  return opened;
}

void Encode(const Prefix& prefix, control::Prefix* to) {
  to->set_base(prefix.base().ToBytes());
  to->set_length(static_cast<std::uint32_t>(prefix.length()));
}

void Append(std::vector<Descriptor> from, std::vector<Descriptor>* to) {
  for (Descriptor& one : from) to->push_back(std::move(one));
}

}  // namespace

TestHost::TestHost(int number)
    : number_(number),
      home_(OpenNamespace("/proc/thread-self/ns/net")),
      netns_(OpenNamespace("/run/netns/" + NameOf(number))) {}

Ip TestHost::UnderlayAddress(int number, Family family) {
  return *Ip::Parse(absl::StrCat(family == Family::kV4 ? "192.0.2." : "2001:db8::", number));
}

Prefix TestHost::Subnet(int number, Family family) {
  return *Prefix::Parse(family == Family::kV4 ? absl::StrCat("10.1.", number, ".0/24")
                                              : absl::StrCat("fd00:", number, "::/64"));
}

void TestHost::Enter(const Descriptor& netns) {
  ASSERT_EQ(setns(netns.get(), CLONE_NEWNET), 0) << strerror(errno);
}

absl::StatusOr<std::string> TestHost::OutputOf(const std::string& command) const {
  return node::OutputOf(absl::StrCat("ip netns exec ", NameOf(number_), " ", command));
}

absl::Status TestHost::Run(const std::string& command) const { return OutputOf(command).status(); }

void TestHost::Open(int queues) {
  auto tun = In([&] { return OpenTunQueues(kDevice, queues); });
  ASSERT_EQ(tun.status(), absl::OkStatus());
  control::Device* const device = change_.mutable_device();
  device->set_name(kDevice);
  device->set_index(In([] { return if_nametoindex(kDevice); }));
  device->set_queues(static_cast<std::uint32_t>(tun->queues.size()));
  device->set_vnet_header(tun->vnet_header);
  Append(std::move(tun->queues), &descriptors_);
  ASSERT_EQ(Run(absl::StrCat("ip link set ", kDevice, " mtu ", kMtu, " up")), absl::OkStatus());
  const int other = 3 - number_;
  for (Family family : kFamilies) {
    const Ip local = UnderlayAddress(number_, family);
    auto sockets = In([&] { return OpenUdpSockets(local, kPort, queues); });
    ASSERT_EQ(sockets.status(), absl::OkStatus());
    Append(*std::move(sockets), &descriptors_);
    control::Listener* const listener = change_.add_listen();
    listener->set_local(local.ToBytes());
    listener->set_port(kPort);
    listener->set_sockets(static_cast<std::uint32_t>(queues));
    Encode(Subnet(number_, family), listener->add_subnets());
    control::Tunnel* const tunnel = change_.add_set();
    Encode(Subnet(other, family), tunnel->mutable_subnet());
    tunnel->set_endpoint(UnderlayAddress(other, family).ToBytes());
    tunnel->set_port(kPort);
    ASSERT_EQ(Run(absl::StrCat("ip address add ", PodAddress(number_, family).ToString(), " dev ",
                               kDevice, family == Family::kV6 ? " nodad" : "")),
              absl::OkStatus());
    ASSERT_EQ(Run(absl::StrCat("ip route add ", Subnet(other, family).ToString(), " dev ", kDevice,
                               " src ", PodAddress(number_, family).ToString())),
              absl::OkStatus());
  }
}

std::vector<Descriptor> TestHost::Descriptors() const {
  std::vector<Descriptor> copies;
  for (const Descriptor& one : descriptors_) {
    copies.emplace_back(fcntl(one.get(), F_DUPFD_CLOEXEC, 0));
  }
  return copies;
}

void TestHost::LimitSendBuffers(int bytes) const {
  const auto queues = static_cast<std::size_t>(change_.device().queues());
  for (std::size_t i = queues; i < descriptors_.size(); ++i) {
    ASSERT_EQ(setsockopt(descriptors_[i].get(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)), 0);
  }
}

TwoHosts::TwoHosts() {
  EXPECT_EQ(EnterPrivateNetwork(), absl::OkStatus());
  EXPECT_EQ(RunShell("ip netns add h1 && ip netns add h2 && ip link add wire netns h1 type veth "
                     "peer name wire netns h2"),
            absl::OkStatus());
  one_ = std::make_unique<TestHost>(1);
  two_ = std::make_unique<TestHost>(2);
  for (int number : {1, 2}) {
    TestHost& host = this->host(number);
    EXPECT_EQ(host.Run("ip link set lo up"), absl::OkStatus());
    EXPECT_EQ(host.Run("ip link set wire up"), absl::OkStatus());
    for (Family family : kFamilies) {
      const bool is_v6 = family == Family::kV6;
      EXPECT_EQ(host.Run(absl::StrCat("ip address add ",
                                      TestHost::UnderlayAddress(number, family).ToString(),
                                      is_v6 ? "/64 nodad" : "/24", " dev wire")),
                absl::OkStatus());
    }
  }
}

}  // namespace heddle::node::forwarder
