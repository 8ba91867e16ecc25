// heddle-node's command line and environment.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "node/agent.h"
#include "node/enrolment/enrolment.h"

namespace heddle::node {

enum class Command { kRun, kCleanup, kShow };

struct Flags {
  Command command = Command::kRun;
  AgentOptions agent;
  EnrolmentOptions enrolment;  // of no use where agent.session.insecure
  std::string state_dir;
  std::string wireguard_key_file;
  std::string forwarder;  // path of the program
  std::string log_level;
};

// What the program's exit code says; also in --help.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailure = 1;  // could not do what was asked; the reason is on stderr
inline constexpr int kExitUsage = 2;    // a flag or its value is wrong, or there is no identity
inline constexpr int kExitBusy = 3;     // another heddle-node runs in this network namespace

// The parsed flags, or the exit code when there is nothing left to do (--help, --version, a
// mistake; the words have been printed).
struct ParsedFlags {
  bool run = false;
  int exit_code = kExitOk;
  Flags flags;
};
ParsedFlags ParseFlags(int argc, char** argv);

}  // namespace heddle::node
