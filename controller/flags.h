// The command line of heddle-controller.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "controller/tls_flags.h"
#include "storage/etcd/etcd_store.h"

namespace heddle::controller {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;        // what is outside failed: disk, address, store
inline constexpr int kExitConfiguration = 2;  // the command line or the network's configuration

struct Flags {
  std::string net_conf_path;
  std::string data_dir = "/var/lib/heddle/controller";
  std::vector<std::string> listen{"0.0.0.0:7411"};
  absl::Duration lease_ttl = absl::Hours(24);
  absl::Duration rest = absl::Minutes(5);
  int heartbeat_seconds = 5;
  absl::Duration rollout_grace = absl::Seconds(15);
  absl::Duration restore_settle = absl::Minutes(2);
  std::string log_level = "info";
  std::string id;             // the host's name unless given
  std::string advertise;      // empty: see AdvertisedAddress
  storage::EtcdOptions etcd;  // without endpoints: the embedded store
  TlsFlags tls;
  absl::Duration certificate_ttl = absl::Hours(720);
  std::string audit_log;  // empty: the log
  PkiFlags pki;           // with a command: do that, instead of serving
};

struct ParsedFlags {
  Flags flags;
  int exit_code = -1;  // >= 0: help, version or an error was printed; exit with it
};

// Flags win over the environment, the environment over defaults. Prints help and errors itself.
ParsedFlags ParseFlags(int argc, const char* const* argv);

}  // namespace heddle::controller
