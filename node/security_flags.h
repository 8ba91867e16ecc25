// Those of heddle-node's flags that say what it proves itself with, and whom it believes.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "absl/status/status.h"
#include "identity/authority.h"
#include "node/enrolment/enrolment.h"

namespace heddle::node {

struct SecurityFlags {
  std::string join_file;
  std::string cert_file, key_file, ca_file;
  std::string server_name = identity::kControllerServerName;
  bool insecure = false;
};

void DefineSecurity(CLI::App* app, SecurityFlags* flags);
// InvalidArgument: flags that contradict each other, or miss one another.
absl::Status Validate(const SecurityFlags& flags);
EnrolmentOptions EnrolmentOf(const SecurityFlags& flags, const std::string& node_id,
                             const std::string& state_dir);

}  // namespace heddle::node
