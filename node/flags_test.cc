#include "node/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace heddle::node {
namespace {

ParsedFlags Parse(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "heddle-node");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(&argument[0]);
  return ParseFlags(static_cast<int>(argv.size()), argv.data());
}

TEST(Flags, DefaultsAreTheDocumentedOnes) {
  const ParsedFlags parsed = Parse({"--node-id", "n1"});
  ASSERT_TRUE(parsed.run);
  const AgentOptions& agent = parsed.flags.agent;
  EXPECT_EQ(parsed.flags.command, Command::kRun);
  EXPECT_TRUE(agent.session.controllers.empty()) << "the ticket's";
  EXPECT_FALSE(agent.session.insecure) << "asked for by name only";
  EXPECT_EQ(agent.session.server_name, "heddle-controller");
  EXPECT_EQ(parsed.flags.enrolment.node_id, "n1");
  EXPECT_EQ(parsed.flags.enrolment.state.identity, "/var/lib/heddle/node/identity.pem");
  EXPECT_TRUE(parsed.flags.enrolment.join_file.empty());
  EXPECT_FALSE(parsed.flags.enrolment.own_files);
  EXPECT_EQ(agent.session.node_id, "n1");
  EXPECT_EQ(agent.executor.identity.node_id, "n1");
  EXPECT_EQ(agent.subnet_file, "/run/heddle/subnet.env");
  EXPECT_EQ(agent.snapshot_file, "/var/lib/heddle/node/snapshot");
  EXPECT_EQ(parsed.flags.wireguard_key_file, "/var/lib/heddle/node/wireguard.key");
  EXPECT_THAT(parsed.flags.forwarder, testing::EndsWith("/node/heddle-forwarder"))
      << "beside this program";
  EXPECT_EQ(agent.hooks_file, "/run/heddle/hooks.json");
  EXPECT_FALSE(agent.executor.identity.runs_commands) << "a privilege";
  EXPECT_FALSE(agent.executor.plan.ip_masq);
  EXPECT_TRUE(agent.executor.plan.forward_rules);
  EXPECT_TRUE(agent.executor.plan.use_nexthops);
  EXPECT_EQ(agent.executor.resync, absl::Seconds(60));
}

TEST(Flags, EveryFlagArrives) {
  const ParsedFlags parsed = Parse({"--node-id=n1",
                                    "--controllers=a:1,[2001:db8::1]:2",
                                    "--iface=eth0",
                                    "--iface=192.0.2.1",
                                    "--iface-regex=^eth",
                                    "--iface-can-reach=192.0.2.9",
                                    "--public-ip=198.51.100.1",
                                    "--public-ipv6=2001:db8::9",
                                    "--ip-masq",
                                    "--forward-rules=false",
                                    "--nexthop-objects=false",
                                    "--subnet-file=/x/s.env",
                                    "--state-dir=/y",
                                    "--resync-seconds=5",
                                    "--hold-removals-fraction=0.2",
                                    "--hold-removals-min=3",
                                    "--wireguard-key-file=/z/key",
                                    "--forwarder=/f/forwarder",
                                    "--log-level=debug",
                                    "--allow-extension-commands"});
  ASSERT_TRUE(parsed.run);
  const AgentOptions& agent = parsed.flags.agent;
  EXPECT_EQ(agent.session.controllers, (std::vector<std::string>{"a:1", "[2001:db8::1]:2"}));
  EXPECT_EQ(agent.underlay.iface, (std::vector<std::string>{"eth0", "192.0.2.1"}));
  EXPECT_EQ(agent.underlay.iface_regex, std::vector<std::string>{"^eth"});
  EXPECT_EQ(agent.underlay.iface_can_reach, *Ip::Parse("192.0.2.9"));
  EXPECT_EQ(agent.underlay.public_address[Family::kV4], *Ip::Parse("198.51.100.1"));
  EXPECT_EQ(agent.underlay.public_address[Family::kV6], *Ip::Parse("2001:db8::9"));
  EXPECT_TRUE(agent.executor.plan.ip_masq);
  EXPECT_FALSE(agent.executor.plan.forward_rules);
  EXPECT_FALSE(agent.executor.plan.use_nexthops);
  EXPECT_EQ(agent.subnet_file, "/x/s.env");
  EXPECT_EQ(agent.hooks_file, "/x/hooks.json");
  EXPECT_TRUE(agent.executor.identity.runs_commands);
  EXPECT_EQ(agent.snapshot_file, "/y/snapshot");
  EXPECT_EQ(parsed.flags.wireguard_key_file, "/z/key");
  EXPECT_EQ(parsed.flags.forwarder, "/f/forwarder");
  EXPECT_EQ(agent.executor.resync, absl::Seconds(5));
  EXPECT_EQ(agent.executor.guard.fraction, 0.2);
  EXPECT_EQ(agent.executor.guard.min_peers, 3u);
  EXPECT_EQ(parsed.flags.log_level, "debug");
}

TEST(Flags, EnvironmentIsReadAndTheFlagWins) {
  setenv("HEDDLE_NODE_NODE_ID", "from-env", 1);
  setenv("HEDDLE_NODE_IP_MASQ", "true", 1);
  setenv("HEDDLE_NODE_RESYNC_SECONDS", "7", 1);
  const ParsedFlags parsed = Parse({"--resync-seconds=8"});
  unsetenv("HEDDLE_NODE_NODE_ID");
  unsetenv("HEDDLE_NODE_IP_MASQ");
  unsetenv("HEDDLE_NODE_RESYNC_SECONDS");
  ASSERT_TRUE(parsed.run);
  EXPECT_EQ(parsed.flags.agent.session.node_id, "from-env");
  EXPECT_TRUE(parsed.flags.agent.executor.plan.ip_masq);
  EXPECT_EQ(parsed.flags.agent.executor.resync, absl::Seconds(8));
}

TEST(Flags, Subcommands) {
  EXPECT_EQ(Parse({"--node-id=n", "cleanup"}).flags.command, Command::kCleanup);
  EXPECT_EQ(Parse({"--node-id=n", "show"}).flags.command, Command::kShow);
  EXPECT_EQ(Parse({"--node-id=n", "--iface", "eth0", "show"}).flags.command, Command::kShow);
  const ParsedFlags after = Parse({"cleanup", "--node-id=n", "--state-dir=/y"});
  EXPECT_EQ(after.flags.agent.snapshot_file, "/y/snapshot");
}

TEST(Flags, MistakesAreUsageErrors) {
  for (const char* mistake :
       {"--node-id=UPPER/..", "--controllers=nowhere", "--controllers=a:0", "--controllers=a:70000",
        "--controllers=2001:db8::1:7411", "--controllers=", "--public-ip=2001:db8::1",
        "--public-ipv6=192.0.2.1", "--iface-can-reach=x", "--resync-seconds=0",
        "--hold-removals-fraction=2", "--log-level=loud", "--unknown"}) {
    SCOPED_TRACE(mistake);
    const ParsedFlags parsed = Parse({mistake, "--iface=x"});
    EXPECT_FALSE(parsed.run);
    EXPECT_EQ(parsed.exit_code, kExitUsage);
  }
}

TEST(Flags, HelpAndVersionEndWell) {
  for (const char* asked : {"--help", "--version"}) {
    const ParsedFlags parsed = Parse({asked});
    EXPECT_FALSE(parsed.run);
    EXPECT_EQ(parsed.exit_code, kExitOk);
  }
}

TEST(Flags, SecurityArrivesWhole) {
  const ParsedFlags joining =
      Parse({"--node-id=n1", "--join=/t", "--state-dir=/y", "--tls-server-name", ""});
  ASSERT_TRUE(joining.run);
  EXPECT_EQ(joining.flags.enrolment.join_file, "/t");
  EXPECT_EQ(joining.flags.enrolment.state.pending_key, "/y/join-key.pem");
  EXPECT_EQ(joining.flags.enrolment.server_name, "");
  EXPECT_EQ(joining.flags.agent.session.server_name, "") << "the host that is dialled";
  const ParsedFlags own =
      Parse({"--node-id=n1", "--tls-cert-file=/c", "--tls-key-file=/k", "--tls-ca-file=/a"});
  ASSERT_TRUE(own.run);
  ASSERT_TRUE(own.flags.enrolment.own_files);
  EXPECT_EQ(own.flags.enrolment.own_files->certificate, "/c");
  EXPECT_EQ(own.flags.enrolment.own_files->key, "/k");
  EXPECT_EQ(own.flags.enrolment.own_files->roots, "/a");
  const ParsedFlags insecure = Parse({"--node-id=n1", "--insecure"});
  ASSERT_TRUE(insecure.run);
  EXPECT_TRUE(insecure.flags.agent.session.insecure);
  EXPECT_EQ(insecure.flags.agent.session.controllers, std::vector<std::string>{"127.0.0.1:7411"});
}

TEST(Flags, SecurityThatContradictsItselfIsRefused) {
  const std::vector<std::vector<std::string>> wrong = {
      {"--insecure", "--join=/t"},
      {"--insecure", "--tls-cert-file=/c", "--tls-key-file=/k", "--tls-ca-file=/a"},
      {"--insecure", "--tls-ca-file=/a"},
      {"--tls-cert-file=/c", "--tls-key-file=/k"},
      {"--join=/t", "--tls-cert-file=/c", "--tls-key-file=/k", "--tls-ca-file=/a"}};
  for (std::vector<std::string> flags : wrong) {
    SCOPED_TRACE(flags.front() + " " + flags.back());
    flags.push_back("--node-id=n1");
    const ParsedFlags parsed = Parse(flags);
    EXPECT_FALSE(parsed.run);
    EXPECT_EQ(parsed.exit_code, kExitUsage);
  }
}

}  // namespace
}  // namespace heddle::node
