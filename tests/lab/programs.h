// The programs under test, each running on a host of the lab.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/lab/command.h"
#include "tests/lab/host.h"
#include "tests/lab/notify_socket.h"
#include "tests/lab/pki.h"
#include "tests/lab/process.h"
#include "tests/lab/subnet_env.h"

namespace heddle::lab {

using Flags = std::vector<std::string>;

// heddle-controller with a data folder that outlives its process.
class Controller {
 public:
  // `pki` outlives this object; null: --insecure. `number`: of several on one host, from 0; each
  // has its own port and folder.
  Controller(const Host& host, Pki* pki, const std::string& net_conf, Flags flags = {},
             int number = 0);

  // With what `heddle-controller init` makes, which it runs before the first start.
  void Start();
  Process& process() { return process_; }
  // "address:port" of its service.
  const std::string& endpoint() const { return endpoint_; }
  const std::string& tls_dir() const { return tls_dir_; }
  const std::string& data_folder() const { return data_folder_; }
  // A program and its arguments that starts it, as setpriv does; from the next Start on.
  Flags& launcher() { return launcher_; }

 private:
  void Secure(Flags* argv);

  const Host& host_;
  Pki* const pki_;
  Flags flags_, launcher_;
  std::string net_conf_path_, data_folder_, tls_dir_, endpoint_;
  Process process_;
};

// One member of the installed etcd, for the programs on its host; its data outlive its process.
class Etcd {
 public:
  explicit Etcd(const Host& host);

  static bool installed();
  void Start();
  Process& process() { return process_; }
  // "address:port" for clients.
  const std::string& endpoint() const { return endpoint_; }

 private:
  const Host& host_;
  std::string endpoint_;
  Process process_;
};

struct NodeOptions {
  std::string id;           // "": the host's name
  std::string controllers;  // host:port, comma-separated
  Flags flags;              // further ones
  // One of both; with neither --insecure.
  std::string ticket_path{};  // joins with it
  const Pki* pki = nullptr;   // has an identity file of this CA's at the first start, unless there
                              // is one already
  Flags launcher{};           // a program and its arguments that starts it, as setpriv does
  std::vector<std::pair<std::string, std::string>> environment{};  // besides the test's own
  std::string forwarder{};  // the program; "": heddle-forwarder as it was built
};

// heddle-node; its state folder and subnet.env are the host's.
class Node {
 public:
  Node(const Host& host, NodeOptions options);
  ~Node();  // also ends its heddle-forwarder, if there is one
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // With heddle-forwarder, where the test's data names it. It outlives the process.
  void Start();
  Process& process() { return process_; }
  const Host& host() const { return host_; }
  const std::string& id() const { return options_.id; }
  NodeOptions& options() { return options_; }  // take effect at the next Start
  // Whether it has told systemd READY=1 since its last start.
  bool ready() { return notify_.ready(); }
  std::optional<SubnetEnv> subnet_env() const { return ReadSubnetEnv(subnet_file_); }
  // What it proves its id with once it has joined.
  std::string identity_path() const { return state_folder_ + "/identity.pem"; }
  // Where its heddle-forwarder listens (forwarders.h).
  std::string forwarder_socket() const { return state_folder_ + "/forwarder.sock"; }
  // `heddle-node cleanup` on this host.
  CommandResult Cleanup() const { return Run("cleanup"); }
  // `heddle-node show`.
  CommandResult Show() const { return Run("show"); }

 private:
  void Secure(Flags* argv) const;
  CommandResult Run(const std::string& command) const;

  const Host& host_;
  NodeOptions options_;
  std::string subnet_file_, state_folder_;
  NotifySocket notify_;
  Process process_;
};

// heddlectl, run on a host.
class Heddlectl {
 public:
  // `identity_path`: the identity file; empty: --insecure.
  Heddlectl(const NetworkNamespace& netns, std::string endpoint, std::string identity_path)
      : netns_(netns), endpoint_(std::move(endpoint)), identity_path_(std::move(identity_path)) {}

  // Whatever it exits with; `command` is split at blanks.
  CommandResult Try(const std::string& command) const;
  // The document of `-o json`; throws LabError unless it exits with 0.
  nlohmann::json Json(const std::string& command) const;

 private:
  const NetworkNamespace& netns_;
  std::string endpoint_, identity_path_;
};

}  // namespace heddle::lab
