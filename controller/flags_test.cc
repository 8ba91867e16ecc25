#include "controller/flags.h"

#include <cstdlib>

#include "gtest/gtest.h"

namespace heddle::controller {
namespace {

ParsedFlags Parse(const std::string& flag, const std::string& value) {
  const char* argv[] = {"heddle-controller", flag.c_str(), value.c_str()};
  return ParseFlags(3, argv);
}

TEST(FlagsTest, ListensOnHostAndPort) {
  for (const char* good : {"0.0.0.0:7411", "[::]:7411", "node-1.example:1", "192.0.2.1:65535"}) {
    const ParsedFlags parsed = Parse("--listen", good);
    EXPECT_EQ(parsed.exit_code, -1) << good;
    EXPECT_EQ(parsed.flags.listen, std::vector<std::string>{good});
  }
  const ParsedFlags two = Parse("--listen", "192.0.2.1:7411,[2001:db8::1]:7411");
  EXPECT_EQ(two.exit_code, -1);
  EXPECT_EQ(two.flags.listen.size(), 2u);
}

TEST(FlagsTest, RefusesAPortThatIsNone) {
  for (const char* bad : {"foo", ":7411", "127.0.0.1:", "127.0.0.1:70000", "127.0.0.1:0",
                          "127.0.0.1:-1", "::1:7411", "[]:7411", "127.0.0.1:7411,bar"}) {
    EXPECT_EQ(Parse("--listen", bad).exit_code, kExitConfiguration) << bad;
  }
}

ParsedFlags ParseAll(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "heddle-controller");
  return ParseFlags(static_cast<int>(arguments.size()), arguments.data());
}

TEST(FlagsTest, WithoutEtcdTheStoreIsEmbedded) {
  const ParsedFlags parsed = ParseAll({});
  EXPECT_EQ(parsed.exit_code, -1);
  EXPECT_TRUE(parsed.flags.etcd.endpoints.empty());
  EXPECT_FALSE(parsed.flags.id.empty());
  EXPECT_EQ(parsed.flags.advertise, "");
  for (const char* orphan : {"--etcd-prefix", "--etcd-ca-file", "--leader-ttl"}) {
    EXPECT_EQ(ParseAll({orphan, "5s"}).exit_code, kExitConfiguration) << orphan;
  }
}

TEST(FlagsTest, EtcdIsGivenByItsEndpoints) {
  const ParsedFlags parsed =
      ParseAll({"--etcd-endpoints", "192.0.2.1:2379,[2001:db8::1]:2379", "--etcd-prefix", "/net-7",
                "--etcd-ca-file", "ca.crt", "--etcd-cert-file", "me.crt", "--etcd-key-file",
                "me.key", "--leader-ttl", "3s", "--data-dir", "/var/lib/x", "--id", "c-1",
                "--advertise", "192.0.2.9:7411"});
  ASSERT_EQ(parsed.exit_code, -1);
  const storage::EtcdOptions& etcd = parsed.flags.etcd;
  EXPECT_EQ(etcd.endpoints, (std::vector<std::string>{"192.0.2.1:2379", "[2001:db8::1]:2379"}));
  EXPECT_EQ(etcd.prefix, "/net-7/");
  EXPECT_EQ(etcd.copy_path, "/var/lib/x/etcd-copy");
  EXPECT_EQ(etcd.ca_file, "ca.crt");
  EXPECT_EQ(etcd.certificate_file, "me.crt");
  EXPECT_EQ(etcd.key_file, "me.key");
  EXPECT_EQ(etcd.leader_ttl, absl::Seconds(3));
  EXPECT_EQ(parsed.flags.id, "c-1");
  EXPECT_EQ(parsed.flags.advertise, "192.0.2.9:7411");
}

TEST(FlagsTest, RefusesHalfOfWhatEtcdNeeds) {
  const std::vector<std::vector<const char*>> bad = {{"--etcd-cert-file", "me.crt"},
                                                     {"--etcd-key-file", "me.key"},
                                                     {"--etcd-user", "heddle"},
                                                     {"--etcd-password-file", "password"},
                                                     {"--leader-ttl", "1s"},
                                                     {"--leader-ttl", "1h"},
                                                     {"--etcd-prefix", "/"},
                                                     {"--etcd-prefix", "a b"},
                                                     {"--id", "a/b"},
                                                     {"--id", ""},
                                                     {"--advertise", "here"},
                                                     {"--etcd-endpoints", "http://192.0.2.1:2379"}};
  for (std::vector<const char*> arguments : bad) {
    const std::string flag = arguments.front();
    if (flag != "--etcd-endpoints") {
      arguments.insert(arguments.end(), {"--etcd-endpoints", "192.0.2.1:2379"});
    }
    EXPECT_EQ(ParseAll(arguments).exit_code, kExitConfiguration) << flag;
  }
}

TEST(FlagsTest, DurationsHaveAUnit) {
  EXPECT_EQ(Parse("--lease-ttl", "1h30m").flags.lease_ttl, absl::Minutes(90));
  EXPECT_EQ(Parse("--lease-ttl", "5").exit_code, kExitConfiguration);
  EXPECT_EQ(Parse("--lease-ttl", "0s").exit_code, kExitConfiguration);
  EXPECT_EQ(Parse("--rest", "0s").exit_code, -1);
}

TEST(FlagsTest, KeysAreInTheDataDirectoryUnlessSaid) {
  EXPECT_EQ(ParseAll({}).flags.tls.dir, "/var/lib/heddle/controller/tls");
  EXPECT_EQ(Parse("--data-dir", "/srv/h").flags.tls.dir, "/srv/h/tls");
  EXPECT_EQ(Parse("--tls-dir", "/srv/keys").flags.tls.dir, "/srv/keys");
  EXPECT_FALSE(ParseAll({}).flags.tls.insecure);
  EXPECT_FALSE(ParseAll({}).flags.tls.is_own_pki());
  EXPECT_EQ(ParseAll({}).flags.tls.server_name, "heddle-controller");
  EXPECT_EQ(Parse("--tls-server-name", "").flags.tls.server_name, "");
}

TEST(FlagsTest, AnOwnPkiIsThreeFiles) {
  const ParsedFlags own = ParseAll(
      {"--tls-cert-file", "c.crt", "--tls-key-file", "c.key", "--tls-ca-file", "roots.crt"});
  ASSERT_EQ(own.exit_code, -1);
  EXPECT_TRUE(own.flags.tls.is_own_pki());
  EXPECT_EQ(own.flags.tls.cert_file, "c.crt");
  EXPECT_EQ(own.flags.tls.key_file, "c.key");
  EXPECT_EQ(own.flags.tls.ca_file, "roots.crt");
  for (const std::vector<const char*>& bad : std::vector<std::vector<const char*>>{
           {"--tls-cert-file", "c.crt"},
           {"--tls-key-file", "c.key"},
           {"--tls-ca-file", "roots.crt"},
           {"--tls-cert-file", "c.crt", "--tls-key-file", "c.key"},
           {"--tls-cert-file", "c.crt", "--tls-key-file", "c.key", "--tls-ca-file", "roots.crt",
            "--tls-dir", "/srv/keys"}}) {
    EXPECT_EQ(ParseAll(bad).exit_code, kExitConfiguration) << bad[0];
  }
}

TEST(FlagsTest, InsecureGoesWithNothingOfTls) {
  EXPECT_TRUE(ParseAll({"--insecure"}).flags.tls.insecure);
  EXPECT_EQ(ParseAll({"--insecure", "--tls-dir", "/srv/keys"}).exit_code, kExitConfiguration);
  EXPECT_EQ(ParseAll({"--insecure", "--tls-server-name", "x"}).exit_code, kExitConfiguration);
  EXPECT_EQ(ParseAll({"--insecure", "--tls-cert-file", "c.crt", "--tls-key-file", "c.key",
                      "--tls-ca-file", "roots.crt"})
                .exit_code,
            kExitConfiguration);
  setenv("HEDDLE_CONTROLLER_INSECURE", "true", 1);
  EXPECT_TRUE(ParseAll({}).flags.tls.insecure);
  EXPECT_EQ(ParseAll({"--tls-dir", "/srv/keys"}).exit_code, kExitConfiguration);
  unsetenv("HEDDLE_CONTROLLER_INSECURE");
}

TEST(FlagsTest, CertificatesAndTheAuditLog) {
  EXPECT_EQ(ParseAll({}).flags.certificate_ttl, absl::Hours(720));
  EXPECT_EQ(ParseAll({}).flags.audit_log, "");
  EXPECT_EQ(Parse("--certificate-ttl", "10s").flags.certificate_ttl, absl::Seconds(10));
  EXPECT_EQ(Parse("--certificate-ttl", "9s").exit_code, kExitConfiguration);
  EXPECT_EQ(Parse("--audit-log", "/var/log/a").flags.audit_log, "/var/log/a");
}

TEST(FlagsTest, CommandsHaveFlagsOfTheirOwn) {
  using Command = PkiFlags::Command;
  EXPECT_EQ(ParseAll({}).flags.pki.command, Command::kNone);
  const PkiFlags init = ParseAll({"init", "--data-dir", "/srv/h", "--id", "c1"}).flags.pki;
  EXPECT_EQ(init.command, Command::kInit);
  EXPECT_EQ(init.tls_dir, "/srv/h/tls");
  EXPECT_EQ(init.id, "c1");
  EXPECT_EQ(init.admin_name, "c1");
  EXPECT_EQ(init.admin_identity, "/etc/heddle/admin.pem");
  EXPECT_EQ(ParseAll({"init", "--admin-identity", ""}).flags.pki.admin_identity, "");
  EXPECT_EQ(ParseAll({"init"}).flags.pki.tls_dir, "/var/lib/heddle/controller/tls");
  EXPECT_EQ(ParseAll({"init", "--id", "C 1"}).exit_code, kExitConfiguration);
  EXPECT_EQ(ParseAll({"ca", "add", "--tls-dir", "/t"}).flags.pki.tls_dir, "/t");
  EXPECT_EQ(ParseAll({"ca", "add"}).flags.pki.command, Command::kCaAdd);
  EXPECT_EQ(ParseAll({"ca", "promote"}).flags.pki.command, Command::kCaPromote);
  EXPECT_EQ(ParseAll({"ca", "retire"}).flags.pki.command, Command::kCaRetire);
  EXPECT_EQ(ParseAll({"ca", "show"}).flags.pki.command, Command::kCaShow);
  EXPECT_EQ(ParseAll({"ca"}).exit_code, kExitConfiguration);
  EXPECT_EQ(ParseAll({"begin"}).exit_code, kExitConfiguration);
}

}  // namespace
}  // namespace heddle::controller
