#include "tests/lab/cluster.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/lab/error.h"
#include "tests/lab/kernel_view.h"
#include "tests/lab/ping.h"
#include "tests/lab/wait.h"

namespace heddle::lab {

namespace {

using Controllers = std::vector<std::unique_ptr<Controller>>;

Controllers StartControllers(const ClusterOptions& options, const Host& host, Pki* pki,
                             Etcd* etcd) {
  Controllers controllers;
  if (options.replicas > 0) etcd->Start();
  for (int number = 0; number < std::max(1, options.replicas); ++number) {
    Flags flags = options.controller_flags;
    if (options.replicas > 0) {
      const Flags shared = {"--etcd-endpoints", etcd->endpoint(), "--id",
                            absl::StrCat("c", number)};
      flags.insert(flags.end(), shared.begin(), shared.end());
    }
    controllers.push_back(
        std::make_unique<Controller>(host, pki, options.net_conf, std::move(flags), number));
    controllers.back()->Start();
  }
  return controllers;
}

std::string Endpoints(const Controllers& controllers) {
  return absl::StrJoin(controllers, ",", [](std::string* out, const auto& controller) {
    out->append(controller->endpoint());
  });
}

}  // namespace

testing::AssertionResult Answers(const Heddlectl& ctl) {
  return Within(absl::Seconds(10), "the controller answers", [&ctl] {
    const CommandResult result = ctl.Try("status");
    return result.exit_code == 0 ? std::string() : result.err;
  });
}

std::string HistoryOf(const Heddlectl& ctl) {
  const CommandResult status = ctl.Try("status -o json");
  return status.exit_code == 0 ? nlohmann::json::parse(status.out)["history"] : "";
}

Cluster::Cluster(const ClusterOptions& options)
    : lab_(options.lab),
      pki_(options.insecure ? nullptr : std::make_unique<Pki>(lab_.control().folder())),
      etcd_(lab_.control()),
      controllers_(StartControllers(options, lab_.control(), pki_.get(), &etcd_)),
      ctl_(lab_.control().netns(), controller().endpoint(),
           pki_ == nullptr ? "" : pki_->admin_identity()) {
  const testing::AssertionResult answers = Answers(ctl_);
  if (!answers) throw LabError(answers.message());
  const int nodes = options.nodes > 0 ? options.nodes : lab_.size();
  for (int number = 1; number <= nodes; ++number) {
    nodes_.push_back(std::make_unique<Node>(
        lab_.host(number), NodeOptions{"", Endpoints(controllers_), options.node_flags}));
  }
  if (pki_ != nullptr) MakeTicket();
}

void Cluster::MakeTicket() {
  const std::string path = lab_.control().folder() + "/ticket";
  std::filesystem::remove(path);
  ctl_.Json(absl::StrCat("token create --uses ", size(), " --out ", path));
  for (auto& node : nodes_) node->options().ticket_path = path;
}

std::vector<Family> Cluster::families() {
  std::vector<Family> families;
  const auto env = node(1).subnet_env();
  if (!env) throw LabError("node h1 has written no subnet.env");
  env->subnet.ForEach([&](Family family, const Prefix&) { families.push_back(family); });
  return families;
}

void Cluster::StartNodes() {
  for (auto& node : nodes_) node->Start();
}

testing::AssertionResult Cluster::Up(absl::Duration limit) {
  StartNodes();
  const testing::AssertionResult mesh = Mesh(limit);
  if (!mesh) return mesh;
  for (auto& node : nodes_) {
    pods_.push_back(std::make_unique<Pod>(node->host(), *node->subnet_env()));
  }
  return testing::AssertionSuccess();
}

testing::AssertionResult Cluster::Mesh(absl::Duration limit) {
  return Within(limit, "a full mesh", [this] { return MeshDefect(); });
}

std::string Cluster::MeshDefect() {
  std::map<std::string, std::set<std::string>> own;  // subnets by node
  std::set<std::string> all;
  for (auto& node : nodes_) {
    if (!node->process().running()) return node->id() + " is not running";
    const auto env = node->subnet_env();
    if (!node->ready() || !env) return node->id() + " is not ready";
    env->subnet.ForEach([&](Family, const Prefix& subnet) {
      own[node->id()].insert(subnet.ToString());
      all.insert(subnet.ToString());
    });
  }
  for (auto& node : nodes_) {
    std::set<std::string> expected = all;
    for (const std::string& subnet : own[node->id()]) expected.erase(subnet);
    const std::string difference = Difference(expected, OurRoutes(node->host()));
    if (!difference.empty()) return "routes of " + node->id() + ":" + difference;
  }
  return "";
}

testing::AssertionResult Cluster::PodsReachEachOther(absl::Duration limit) {
  for (auto& from : pods_) {
    for (auto& to : pods_) {
      if (from == to) continue;
      for (Family family : families()) {
        for (const int bytes : {84, from->mtu_bytes()}) {
          const auto pings = Pings(from->netns(), to->address(family), bytes, limit);
          if (!pings) return pings;
        }
      }
    }
  }
  return testing::AssertionSuccess();
}

}  // namespace heddle::lab
