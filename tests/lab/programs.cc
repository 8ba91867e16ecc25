#include "tests/lab/programs.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "tests/lab/built.h"
#include "tests/lab/error.h"
#include "tests/lab/forwarders.h"

namespace heddle::lab {
namespace {

constexpr int kPort = 7411, kEtcdPort = 2379;
constexpr char kEtcd[] = "/usr/bin/etcd";
constexpr char kForwarder[] = "node/dataplane/forwarder/heddle-forwarder";

std::string EndpointOf(const Host& host, int port) {
  try {
    return absl::StrCat(host.address(Family::kV4).ToString(), ":", port);
  } catch (const LabError&) {
    return absl::StrCat("[", host.address(Family::kV6).ToString(), "]:", port);
  }
}

// The first, which mostly is the only one, has none.
std::string Suffix(int number) { return number == 0 ? "" : absl::StrCat(number); }

void Append(const Flags& more, Flags* flags) {
  flags->insert(flags->end(), more.begin(), more.end());
}

}  // namespace

Controller::Controller(const Host& host, Pki* pki, const std::string& net_conf, Flags flags,
                       int number)
    : host_(host),
      pki_(pki),
      flags_(std::move(flags)),
      net_conf_path_(host.folder() + "/net-conf.json"),
      data_folder_(absl::StrCat(host.folder(), "/data", Suffix(number))),
      tls_dir_(absl::StrCat(host.folder(), "/tls", Suffix(number))),
      endpoint_(EndpointOf(host, kPort + number)),
      process_(absl::StrCat("heddle-controller", Suffix(number)),
               absl::StrCat(host.folder(), "/controller", Suffix(number), ".log")) {
  std::ofstream(net_conf_path_) << net_conf;
}

void Controller::Secure(Flags* argv) {
  if (pki_ == nullptr) {
    argv->push_back("--insecure");
    return;
  }
  const auto id = std::find(flags_.begin(), flags_.end(), "--id");
  pki_->InitController(id == flags_.end() ? "" : *std::next(id), tls_dir_);
  Append({"--tls-dir", tls_dir_}, argv);
}

void Controller::Start() {
  Program program;
  program.netns = &host_.netns();
  program.argv = {Built("controller/heddle-controller"),
                  "--net-conf",
                  net_conf_path_,
                  "--data-dir",
                  data_folder_,
                  "--listen",
                  endpoint_};
  Secure(&program.argv);
  Append(flags_, &program.argv);
  program.argv.insert(program.argv.begin(), launcher_.begin(), launcher_.end());
  process_.Start(program);
}

Etcd::Etcd(const Host& host)
    : host_(host),
      endpoint_(absl::StrCat("127.0.0.1:", kEtcdPort)),
      process_("etcd", host.folder() + "/etcd.log") {}

bool Etcd::installed() { return std::filesystem::exists(kEtcd); }

void Etcd::Start() {
  const std::string url = "http://" + endpoint_;
  Program program;
  program.netns = &host_.netns();
  program.argv = {kEtcd,
                  "--data-dir",
                  host_.folder() + "/etcd",
                  "--listen-client-urls",
                  url,
                  "--advertise-client-urls",
                  url,
                  "--listen-peer-urls",
                  "http://127.0.0.1:2380",
                  "--log-level",
                  "warn"};
  process_.Start(program);
}

Node::Node(const Host& host, NodeOptions options)
    : host_(host),
      options_(std::move(options)),
      subnet_file_(host.folder() + "/subnet.env"),
      state_folder_(host.folder() + "/state"),
      notify_(host.folder() + "/notify-" + (options_.id.empty() ? host.name() : options_.id)),
      process_("heddle-node of " + host.name(), host.folder() + "/node.log") {
  if (options_.id.empty()) options_.id = host.name();
}

// The node first: it would start another forwarder.
Node::~Node() {
  if (process_.running()) process_.Kill();
  try {
    EndForwardersAt(forwarder_socket());
  } catch (const LabError& error) {
    ADD_FAILURE() << error.what();
  }
}

void Node::Secure(Flags* argv) const {
  if (!options_.ticket_path.empty()) {
    Append({"--join", options_.ticket_path}, argv);
  } else if (options_.pki == nullptr) {
    argv->push_back("--insecure");
  } else if (!std::filesystem::exists(identity_path())) {
    options_.pki->IssueInto(identity_path(), "node/" + options_.id);
  }
}

void Node::Start() {
  notify_.Forget();
  Program program;
  program.netns = &host_.netns();
  program.environment = options_.environment;
  program.environment.emplace_back("NOTIFY_SOCKET", notify_.path());
  program.argv = {
      Built("node/heddle-node"), "--controllers", options_.controllers, "--node-id",  options_.id,
      "--subnet-file",           subnet_file_,    "--state-dir",        state_folder_};
  Secure(&program.argv);
  const std::string forwarder =
      options_.forwarder.empty() ? BuiltIfNamed(kForwarder).value_or("") : options_.forwarder;
  if (!forwarder.empty()) Append({"--forwarder", forwarder}, &program.argv);
  Append(options_.flags, &program.argv);
  program.argv.insert(program.argv.begin(), options_.launcher.begin(), options_.launcher.end());
  process_.Start(program);
}

CommandResult Node::Run(const std::string& command) const {
  Program program;
  program.netns = &host_.netns();
  program.argv = {Built("node/heddle-node"),
                  command,
                  "--subnet-file",
                  subnet_file_,
                  "--state-dir",
                  state_folder_};
  return TryRun(program);
}

CommandResult Heddlectl::Try(const std::string& command) const {
  Program program;
  program.netns = &netns_;
  program.argv = {Built("cli/heddlectl"), "--controller", endpoint_};
  Append(identity_path_.empty() ? Flags{"--insecure"} : Flags{"--identity", identity_path_},
         &program.argv);
  Append(absl::StrSplit(command, ' ', absl::SkipEmpty()), &program.argv);
  return TryRun(program, absl::Seconds(90));
}

nlohmann::json Heddlectl::Json(const std::string& command) const {
  const CommandResult result = Try(command + " -o json");
  if (result.exit_code != 0) {
    throw LabError(absl::StrCat("heddlectl ", command, " exits with ", result.exit_code, ": ",
                                result.out, result.err));
  }
  return nlohmann::json::parse(result.out);
}

}  // namespace heddle::lab
