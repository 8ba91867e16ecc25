// The lab itself: a test that finds packets lost must be able to trust its wires and its pings.
#include "tests/lab/lab.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "tests/lab/command.h"
#include "tests/lab/error.h"
#include "tests/lab/foreign_objects.h"
#include "tests/lab/forwarders.h"
#include "tests/lab/kernel_links.h"
#include "tests/lab/kernel_monitor.h"
#include "tests/lab/kernel_view.h"
#include "tests/lab/notify_socket.h"
#include "tests/lab/ping.h"
#include "tests/lab/pod.h"
#include "tests/lab/process.h"
#include "tests/lab/sanitizer_report.h"
#include "tests/lab/socket_address.h"
#include "tests/lab/udp_probe.h"
#include "tests/lab/wait.h"

namespace heddle::lab {
namespace {

TEST(LabTest, HostsReachEachOtherAndTheGatewayInBothFamilies) {
  Lab lab(LabOptions{2});
  for (Family family : kFamilies) {
    EXPECT_TRUE(Pings(lab.host(1).netns(), lab.host(2).address(family)));
    EXPECT_TRUE(Pings(lab.host(1).netns(), *lab.gateway()[family]));
    EXPECT_TRUE(Pings(lab.host(1).netns(), lab.host(2).address(family), 1500));
  }
}

TEST(LabTest, AProgramThatASanitizerStoppedIsSeen) {
  EXPECT_EQ(SanitizerReport("[info] attached\n[error] a runtime error, in words\n"), "");
  EXPECT_EQ(SanitizerReport("[info] on\nnode/a.cc:1:2: runtime error: signed integer overflow\n"),
            "node/a.cc:1:2: runtime error: signed integer overflow");
  for (const char* line : {"==7==ERROR: AddressSanitizer: heap-use-after-free",
                           "==7==ERROR: LeakSanitizer: detected memory leaks",
                           "WARNING: ThreadSanitizer: data race (pid=7)"}) {
    EXPECT_EQ(SanitizerReport(std::string("x\n") + line + "\ny"), line);
  }
}

TEST(LabTest, AHostThatIsNotThereDoesNotAnswer) {
  Lab lab(LabOptions{1});
  EXPECT_FALSE(Pings(lab.host(1).netns(), ParseIp("192.0.2.77"), 84, absl::Milliseconds(200)));
  EXPECT_FALSE(Pings(lab.host(1).netns(), ParseIp("203.0.113.1"), 84, absl::Milliseconds(200)));
}

TEST(LabTest, APacketAboveTheMtuIsNotFragmented) {
  LabOptions options;
  options.hosts = 2;
  options.underlay_mtu_bytes = 1400;
  Lab lab(options);
  for (Family family : kFamilies) {
    const Ip to = lab.host(2).address(family);
    EXPECT_TRUE(Pings(lab.host(1).netns(), to, 1400));
    EXPECT_FALSE(Pings(lab.host(1).netns(), to, 1401, absl::Milliseconds(200)));
  }
}

TEST(LabTest, APingStreamCountsWhatIsLost) {
  Lab lab(LabOptions{2});
  PingStream whole(lab.host(1).netns(), lab.host(2).address(Family::kV4));
  PingStream torn(lab.host(1).netns(), lab.host(2).address(Family::kV6));
  absl::SleepFor(absl::Milliseconds(200));
  lab.host(2).IpCommand("addr del fd00:2::2/64 dev eth0");
  absl::SleepFor(absl::Milliseconds(100));
  lab.host(2).IpCommand("addr add fd00:2::2/64 dev eth0 nodad");
  absl::SleepFor(absl::Milliseconds(100));
  EXPECT_TRUE(whole.StopWithoutLoss());
  EXPECT_FALSE(torn.StopWithoutLoss());
  EXPECT_GT(torn.sent(), 30);
}

TEST(LabTest, APodReachesAPodOverPlainRoutes) {
  Lab lab(LabOptions{2});
  SubnetEnv env[2];
  for (int i : {0, 1}) {
    for (const char* text : {"10.9.", "fd00:9:0:"}) {
      const bool v4 = text[0] == '1';
      const std::string base = text + std::to_string(i + 1) + (v4 ? ".0/24" : "::/64");
      const Prefix subnet = *Prefix::Parse(base);
      env[i].subnet[subnet.family()] = subnet;
      env[i].gateway[subnet.family()] = subnet.at(1);
    }
    env[i].mtu_bytes = 1450;
  }
  Pod one(lab.host(1), env[0]), two(lab.host(2), env[1]);
  for (Family family : kFamilies) {
    for (int i : {0, 1}) {
      const Ip gateway = lab.host(2 - i).address(family);
      lab.host(1 + i).IpCommand("route add " + env[1 - i].subnet[family]->ToString() + " via " +
                                gateway.ToString());
    }
    EXPECT_TRUE(Pings(one.netns(), two.address(family), 1450));
    EXPECT_EQ(SourceSeen({one.netns(), {}, two.netns(), two.address(family)}), one.address(family));
    EXPECT_TRUE(AnswerArrives({one.netns(), {}, two.netns(), two.address(family)}));
  }
}

TEST(LabTest, AnUnderlayCanBePulledAndPutBack) {
  Lab lab(LabOptions{2});
  lab.host(1).UnplugUnderlay();
  EXPECT_FALSE(
      Pings(lab.host(2).netns(), lab.host(1).address(Family::kV4), 84, absl::Milliseconds(200)));
  lab.host(1).PlugUnderlay();
  EXPECT_TRUE(Pings(lab.host(2).netns(), lab.host(1).address(Family::kV4)));
}

TEST(LabTest, ScalesToAHundredHosts) {
  Lab lab(LabOptions{100});
  EXPECT_TRUE(Pings(lab.host(1).netns(), lab.host(100).address(Family::kV6)));
}

TEST(LabTest, SeesWhatHappensToForeignObjects) {
  Lab lab(LabOptions{1});
  ForeignObjects foreign(lab.host(1));
  EXPECT_EQ(foreign.Change(), "");
  lab.host(1).UnplugUnderlay();
  EXPECT_EQ(foreign.Change(), "");
  lab.host(1).IpCommand("route del 198.51.100.0/24");
  EXPECT_NE(foreign.Change(), "");
}

TEST(LabTest, SeesWhatOursIsAndHowItChanges) {
  Lab lab(LabOptions{1});
  Host& host = lab.host(1);
  EXPECT_TRUE(OurObjects(host).empty());
  KernelMonitor monitor(host);
  EXPECT_TRUE(monitor.ChangesOfOurs().empty());
  host.IpCommand("link add heddle.1 type vxlan id 1 dev eth0 dstport 8472 local 192.0.2.1");
  host.IpCommand("link set heddle.1 up mtu 1450 address 02:00:00:00:00:01");
  host.IpCommand("addr add 10.9.1.0/32 dev heddle.1");
  host.IpCommand("neigh add 10.9.2.0 lladdr 02:00:00:00:00:02 dev heddle.1 nud permanent");
  host.IpCommand("nexthop add id 9 via 10.9.2.0 dev heddle.1 onlink proto 104");
  host.IpCommand("route add 10.9.2.0/24 nhid 9 proto 104");
  RunCommand(&host.netns(), "bridge fdb add 02:00:00:00:00:02 dev heddle.1 dst 192.0.2.2");
  EXPECT_EQ(Difference({"address heddle.1 10.9.1.0/32", "fdb heddle.1 02:00:00:00:00:02 192.0.2.2",
                        "link heddle.1 vxlan mac 02:00:00:00:00:01 mtu 1450 up vni 1 port 8472 "
                        "local 192.0.2.1 on eth0 learning true gbp ",
                        "neighbour heddle.1 10.9.2.0 02:00:00:00:00:02",
                        "nexthop 9 via 10.9.2.0 dev heddle.1 [\"onlink\"]",
                        "route 10.9.2.0/24 nexthop 9 via 10.9.2.0 dev heddle.1 metric "},
                       OurObjects(host)),
            "");
  EXPECT_EQ(OurRoutes(host), std::set<std::string>({"10.9.2.0/24"}));
  const size_t changes = monitor.ChangesOfOurs().size();
  EXPECT_GE(changes, 6u);
  host.IpCommand("neigh add ff02::99 lladdr 33:33:00:00:00:99 dev heddle.1 nud noarp");
  host.IpCommand("neigh del ff02::99 dev heddle.1");
  EXPECT_EQ(monitor.ChangesOfOurs().size(), changes);  // what the kernel does for groups by itself
  host.IpCommand("neigh del 10.9.2.0 dev heddle.1");
  EXPECT_GT(monitor.ChangesOfOurs().size(), changes);
}

TEST(LabTest, SeesWireguardPeersAndTheirEndpoints) {
  HEDDLE_SKIP_WITHOUT_LINKS("wireguard");
  Lab lab(LabOptions{1});
  Host& host = lab.host(1);
  constexpr char kPeer[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
  host.IpCommand("link add heddle.wg type wireguard");
  host.IpCommand("link set heddle.wg up mtu 1420");
  RunCommand(&host.netns(), std::string("wg set heddle.wg listen-port 51820 peer ") + kPeer +
                                " endpoint 192.0.2.9:4000 allowed-ips 10.9.2.0/24");
  EXPECT_EQ(Difference({"link heddle.wg wireguard mac  mtu 1420 up",
                        "wireguard heddle.wg (none) port 51820",
                        std::string("peer heddle.wg ") + kPeer +
                            " at 192.0.2.9:4000 allowed 10.9.2.0/24 keepalive off"},
                       OurObjects(host)),
            "");
}

TEST(LabTest, SeesIpipLinks) {
  HEDDLE_SKIP_WITHOUT_LINKS("ipip");
  Lab lab(LabOptions{1});
  lab.host(1).IpCommand("link add heddle.ipip type ipip local 192.0.2.1");
  EXPECT_EQ(Difference({"link heddle.ipip ipip mac 192.0.2.1 mtu 1480 local 192.0.2.1 remote any"},
                       OurObjects(lab.host(1))),
            "");
}

TEST(ProcessTest, SaysHowAProgramEnds) {
  Process process("sleep", "/run/lab/sleep.log");
  process.Start({{"sleep", "60"}});
  EXPECT_TRUE(process.running());
  EXPECT_EQ(process.Stop(), 128 + SIGTERM);
  EXPECT_FALSE(process.running());
  process.Start({{"ls", "/nonexistent"}});
  EXPECT_EQ(process.Wait(absl::Seconds(5)), 2);
  EXPECT_NE(process.Log().find("/nonexistent"), std::string::npos);
}

TEST(ProcessTest, AnUnknownProgramIsAnError) {
  EXPECT_THROW(RunCommand(nullptr, "no-such-program"), LabError);
  EXPECT_EQ(TryRun({{"sleep", "60"}}, absl::Milliseconds(50)).exit_code, -1);
}

TEST(ForwardersTest, AreFoundByTheirSocketAndEnded) {
  const std::string waited_at = "/run/lab/never-written", socket_path = "/run/lab/f.sock";
  ASSERT_EQ(mkfifo(waited_at.c_str(), 0600), 0);
  for (const std::string& flags : {"--socket " + socket_path, "--socket=" + socket_path,
                                   "--socket " + socket_path + ".other"}) {
    Program program{
        {"setsid", "--fork", "sh", "-c", "read line < " + waited_at, "heddle-forwarder"}};
    for (absl::string_view word : absl::StrSplit(flags, ' ')) program.argv.emplace_back(word);
    ASSERT_EQ(TryRun(program).exit_code, 0);
  }
  const auto found = [](const std::string& path) { return ForwardersAt(path).size(); };
  EXPECT_TRUE(Within(absl::Seconds(5), "all run", [&] {
    return found(socket_path) == 2 && found(socket_path + ".other") == 1;
  }));
  EndForwardersAt(socket_path);
  EXPECT_EQ(found(socket_path), 0u);
  EXPECT_EQ(found(socket_path + ".other"), 1u);
  EndForwardersAt(socket_path + ".other");
  EXPECT_EQ(found(socket_path + ".other"), 0u);
  unlink(waited_at.c_str());
}

TEST(NotifySocketTest, HearsReady) {
  NotifySocket socket("/run/lab/notify");
  EXPECT_FALSE(socket.ready());
  const int sender = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  socket.path().copy(to.sun_path, sizeof to.sun_path - 1);
  const std::string message = "STATUS=3 peers\nREADY=1";
  ASSERT_GT(sendto(sender, message.data(), message.size(), 0, reinterpret_cast<sockaddr*>(&to),
                   sizeof to),
            0);
  close(sender);
  EXPECT_TRUE(socket.ready());
  socket.Forget();
  EXPECT_FALSE(socket.ready());
}

}  // namespace
}  // namespace heddle::lab
