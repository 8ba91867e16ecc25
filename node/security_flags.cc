#include "node/security_flags.h"

#include "node/flag_definition.h"

namespace heddle::node {

void DefineSecurity(CLI::App* app, SecurityFlags* flags) {
  Add(app, "join", "TICKET-FILE", &flags->join_file,
      "File with the join ticket that 'heddlectl token create' prints. Read while this node has no "
      "identity, or only one that has ended, and of no effect else: it may stay. It is a secret.");
  Add(app, "tls-cert-file", "PATH", &flags->cert_file,
      "Own PKI: this node's certificate, and what leads from it to the root, in PEM. It has the "
      "URI "
      "heddle://node/ID in its subjectAltName. The three files are followed as they change.");
  Add(app, "tls-key-file", "PATH", &flags->key_file, "Own PKI: the certificate's private key.");
  Add(app, "tls-ca-file", "PATH", &flags->ca_file,
      "Own PKI: the roots that controllers' certificates must lead to.");
  Add(app, "tls-server-name", "NAME", &flags->server_name,
      "What a controller's certificate must have as its DNS name. Empty: the host that is "
      "dialled.");
  AddSwitch(app, "insecure", &flags->insecure,
            "Without TLS: whoever reaches this host's network can take a controller's place and "
            "decide where its pods' traffic goes. For trials on a network of one's own.");
}

absl::Status Validate(const SecurityFlags& flags) {
  const int own = !flags.cert_file.empty() + !flags.key_file.empty() + !flags.ca_file.empty();
  if (flags.insecure && (own != 0 || !flags.join_file.empty())) {
    return absl::InvalidArgumentError(
        "--insecure: it does without TLS, and cannot be combined with --join or --tls-*-file; "
        "leave "
        "one or the other out");
  }
  if (own != 0 && own != 3) {
    return absl::InvalidArgumentError(
        "--tls-cert-file, --tls-key-file and --tls-ca-file: give all three, or none");
  }
  if (own != 0 && !flags.join_file.empty()) {
    return absl::InvalidArgumentError(
        "--join: a ticket is for the cluster's own CA; leave it out with --tls-cert-file");
  }
  return absl::OkStatus();
}

EnrolmentOptions EnrolmentOf(const SecurityFlags& flags, const std::string& node_id,
                             const std::string& state_dir) {
  EnrolmentOptions options;
  options.node_id = node_id;
  options.join_file = flags.join_file;
  if (!flags.cert_file.empty()) {
    options.own_files = identity::CredentialFiles{flags.key_file, flags.cert_file, flags.ca_file};
  }
  options.state = StateFilesIn(state_dir);
  options.server_name = flags.server_name;
  return options;
}

}  // namespace heddle::node
