// What the command line says of keys and certificates.
#pragma once

#include <string>

#include "CLI/CLI.hpp"
#include "identity/authority.h"

namespace heddle::controller {

struct TlsFlags {
  std::string dir;  // empty until the flags are parsed: then in the data directory
  std::string cert_file, key_file, ca_file;  // all, instead of `dir`, or none
  std::string server_name = identity::kControllerServerName;
  bool insecure = false;

  bool is_own_pki() const { return !cert_file.empty(); }
};

struct PkiFlags {
  enum class Command { kNone, kInit, kCaAdd, kCaPromote, kCaRetire, kCaShow };
  Command command = Command::kNone;
  std::string data_dir, tls_dir, id;
  std::string admin_identity = "/etc/heddle/admin.pem";
  std::string admin_name;
};

void AddTlsFlags(CLI::App* app, TlsFlags* flags);
// `heddle-controller init` and `heddle-controller ca ...`. `flags` has the defaults.
void AddPkiCommands(CLI::App* app, PkiFlags* flags);

}  // namespace heddle::controller
