#include "controller/tls_flags.h"

#include "controller/flag_checks.h"
#include "controller/flag_option.h"

namespace heddle::controller {
namespace {

constexpr char kGroup[] = "Keys and certificates";

void AddFolder(CLI::App* app, PkiFlags* flags) {
  Add(app, "data-dir", "PATH", &flags->data_dir, "The directory of the controller.");
  Add(app, "tls-dir", "PATH", &flags->tls_dir,
      "Where its keys and certificates are; by default the folder tls in --data-dir.");
}

CLI::App* AddCommand(CLI::App* app, const std::string& name, const std::string& meaning,
                     PkiFlags::Command command, PkiFlags* flags) {
  CLI::App* added = app->add_subcommand(name, meaning);
  AddFolder(added, flags);
  added->callback([flags, command] { flags->command = command; });
  return added;
}

}  // namespace

void AddTlsFlags(CLI::App* app, TlsFlags* flags) {
  CLI::Option* dir = Add(app, "tls-dir", "PATH", &flags->dir,
                         "Where `heddle-controller init` made the keys and certificates; by "
                         "default the folder tls in --data-dir.");
  CLI::Option* certificate =
      Add(app, "tls-cert-file", "PATH", &flags->cert_file,
          "A PKI of your own: this controller's certificate, then what leads to its root.");
  CLI::Option* key = Add(app, "tls-key-file", "PATH", &flags->key_file, "... its key");
  CLI::Option* ca = Add(app, "tls-ca-file", "PATH", &flags->ca_file,
                        "... and the roots that nodes, administrators and controllers are of.");
  CLI::Option* name = Add(app, "tls-server-name", "NAME", &flags->server_name,
                          "The name that other controllers must prove; empty for the address that "
                          "is dialled.");
  CLI::Option* insecure =
      app->add_flag("--insecure", flags->insecure,
                    "No TLS: whoever reaches the port may do everything, and read it on the way.")
          ->envname(VariableOf("insecure"));
  for (CLI::Option* option : {certificate, key, ca}) {
    option->needs(certificate)->needs(key)->needs(ca)->excludes(dir);
  }
  for (CLI::Option* option : {dir, certificate, key, ca, name}) insecure->excludes(option);
  for (CLI::Option* option : {dir, certificate, key, ca, name, insecure}) option->group(kGroup);
}

void AddPkiCommands(CLI::App* app, PkiFlags* flags) {
  using Command = PkiFlags::Command;
  CLI::App* init = AddCommand(
      app, "init",
      "Makes what is missing of a CA, this controller's certificate, and an administrator's "
      "identity. Where ca.pem and ca-key.pem of another controller are, they are used.",
      Command::kInit, flags);
  Add(init, "id", "NAME", &flags->id, "The name of this controller.")->check(IsControllerId());
  Add(init, "admin-identity", "PATH", &flags->admin_identity,
      "The identity file to make for heddlectl; empty for none.");
  Add(init, "admin-name", "NAME", &flags->admin_name,
      "The administrator's name, as the audit log has it; the controller's by default.")
      ->check(IsControllerId());
  CLI::App* ca = app->add_subcommand("ca", "Changes the root of the cluster's certificates.");
  ca->require_subcommand(1);
  AddCommand(ca, "add", "Makes another root, which is believed and does not sign yet.",
             Command::kCaAdd, flags);
  AddCommand(ca, "promote", "The root that was added signs from now on.", Command::kCaPromote,
             flags);
  AddCommand(ca, "retire", "The root that signed before is believed no longer.", Command::kCaRetire,
             flags);
  AddCommand(ca, "show", "Prints the roots, and which of them signs.", Command::kCaShow, flags);
}

}  // namespace heddle::controller
