// What TLS with certificates of both sides costs a controller: streams established per second, and
// bytes and CPU of each update that a node is told, with and without, taking turns in one run.
//
//   bazel build --config=release //tests/bench:security_benchmark
//   cd $(bazel info --config=release bazel-bin) && sudo tests/bench/security_benchmark
//
// The real heddle-controller on loopback in a private network namespace, with RocksDB on disk, and
// as many nodes without a kernel in this process, each with a connection, an identity and a thread
// of its own. Needs root (namespaces). Leaves nothing behind.
#include <sys/stat.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/fake_nodes.h"
#include "tests/lab/built.h"
#include "tests/lab/command.h"
#include "tests/lab/error.h"
#include "tests/lab/pki.h"
#include "tests/lab/private_network.h"
#include "tests/lab/process.h"

namespace heddle::bench {
namespace {

constexpr char kAddress[] = "127.0.0.1:7411";
constexpr char kNetConf[] = R"({"Network": "10.0.0.0/8", "SubnetLen": 24,
                                "Backend": {"Type": "vxlan"}})";
constexpr absl::Duration kLimit = absl::Seconds(60);

[[noreturn]] void Die(const std::string& why) { throw lab::LabError(why); }

double CpuMicroseconds(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) Die("heddle-controller has died");
  return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

// What has crossed the loopback device, with the headers of IP and TCP.
double LoopbackBytes() {
  const auto link = lab::RunJson(nullptr, "ip -j -s link show lo");
  return link.at(0).at("stats64").at("rx").at("bytes").get<double>();
}

// A controller that has just been started.
class Controller {
 public:
  Controller(const std::string& folder, lab::Pki* pki)
      : process_("heddle-controller", folder + "/controller.log") {
    std::ofstream(folder + "/net-conf.json") << kNetConf;
    lab::Program program;
    program.argv = {lab::Built("controller/heddle-controller"), "--id=c1",
                    "--net-conf=" + folder + "/net-conf.json",  "--data-dir=" + folder + "/data",
                    absl::StrCat("--listen=", kAddress),        "--heartbeat-seconds=60"};
    if (pki == nullptr) {
      program.argv.push_back("--insecure");
    } else {
      pki->InitController("c1", folder + "/tls");
      program.argv.push_back("--tls-dir=" + folder + "/tls");
    }
    process_.Start(program);
    if (clock_getcpuclockid(process_.pid(), &cpu_clock_) != 0) Die("no CPU clock of it");
    const absl::Time give_up_at = absl::Now() + kLimit;
    while (process_.Log().find(" serves") == std::string::npos) {
      if (!process_.running() || absl::Now() > give_up_at) Die(process_.Log());
      absl::SleepFor(absl::Milliseconds(20));
    }
  }
  clockid_t cpu_clock() const { return cpu_clock_; }
  void Stop() {
    if (process_.Stop() != 0) Die("heddle-controller did not end well:\n" + process_.Log());
  }

 private:
  lab::Process process_;
  clockid_t cpu_clock_ = 0;
};

// What a span of work took.
class Span {
 public:
  explicit Span(clockid_t controller)
      : controller_(controller),
        began_(absl::Now()),
        controller_us_(CpuMicroseconds(controller)),
        nodes_us_(CpuMicroseconds(CLOCK_PROCESS_CPUTIME_ID)),
        bytes_(LoopbackBytes()) {}

  double Seconds() const { return absl::ToDoubleSeconds(absl::Now() - began_); }
  double ControllerUs() const { return CpuMicroseconds(controller_) - controller_us_; }
  double NodesUs() const { return CpuMicroseconds(CLOCK_PROCESS_CPUTIME_ID) - nodes_us_; }
  double Bytes() const { return LoopbackBytes() - bytes_; }

 private:
  const clockid_t controller_;
  const absl::Time began_;
  const double controller_us_, nodes_us_, bytes_;
};

// All figures of one kind of connection, in the order of their first appearance, over the rounds.
class Figures {
 public:
  void Add(const std::string& name, double value) {
    if (values_[name].empty()) names_.push_back(name);
    values_[name].push_back(value);
  }
  void Print(const char* kind) {
    for (const std::string& name : names_) {
      std::vector<double>& values = values_[name];
      std::sort(values.begin(), values.end());
      printf("%-8s %-44s %10.1f (%.1f to %.1f, %zu rounds)\n", kind, name.c_str(),
             values[values.size() / 2], values.front(), values.back(), values.size());
    }
  }

 private:
  std::vector<std::string> names_;
  std::map<std::string, std::vector<double>> values_;
};

void Measure(const std::string& folder, bool secure, int streams, int updates, Figures* figures) {
  std::filesystem::create_directories(folder);
  lab::Pki pki(folder);
  Controller controller(folder, secure ? &pki : nullptr);
  FakeNodes nodes(kAddress, secure ? &pki : nullptr, streams);

  const Span attaching(controller.cpu_clock());
  nodes.AttachAll();
  if (!nodes.WaitForWelcomes(kLimit)) Die("not all streams are established: " + nodes.Failure());
  figures->Add("streams established per second", streams / attaching.Seconds());
  figures->Add("CPU of the controller per stream, us", attaching.ControllerUs() / streams);
  figures->Add("CPU of the nodes per stream, us", attaching.NodesUs() / streams);
  figures->Add("bytes per stream", attaching.Bytes() / streams);

  nodes.AdvertiseAll();
  if (!nodes.WaitForPeers(kLimit)) Die("not all nodes have all peers: " + nodes.Failure());
  const Span updating(controller.cpu_clock());
  for (int version = 1; version <= updates; ++version) {
    nodes.ChangeFirst(version);
    if (!nodes.WaitForVersion(version, kLimit)) Die("not all are told: " + nodes.Failure());
  }
  const double told = static_cast<double>(updates) * streams;
  figures->Add("until all have an update, ms", updating.Seconds() * 1000 / updates);
  figures->Add("CPU of the controller per update and node, us", updating.ControllerUs() / told);
  figures->Add("CPU of the nodes per update and node, us", updating.NodesUs() / told);
  figures->Add("bytes per update and node, both ways", updating.Bytes() / told);
  nodes.DetachAll();
  controller.Stop();
  std::filesystem::remove_all(folder);
}

int Main(int argc, char** argv) {
  int streams = 200, updates = 100, rounds = 5;
  std::string folder = "/var/tmp";
  CLI::App app("What TLS with certificates costs the controller.");
  app.add_option("--streams", streams, "Nodes.")->check(CLI::Range(2, 250))->capture_default_str();
  app.add_option("--updates", updates, "In each round.")
      ->check(CLI::Range(1, 250))
      ->capture_default_str();
  app.add_option("--rounds", rounds, "Of each.")->check(CLI::Range(1, 100))->capture_default_str();
  app.add_option("--dir", folder, "For the controller's data.")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  double load = 0;
  std::ifstream("/proc/loadavg") >> load;
  printf("load %.1f; %d streams, %d updates\n", load, streams, updates);
  folder += "/security-benchmark-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) Die("cannot make " + folder);
  lab::EnterPrivateNetwork();
  lab::RunCommand(nullptr, "ip link set lo up");
  Figures plain, secure;
  for (int round = 0; round < rounds; ++round) {
    Measure(folder + "/plain", false, streams, updates, &plain);
    Measure(folder + "/tls", true, streams, updates, &secure);
  }
  std::filesystem::remove_all(folder);
  plain.Print("without");
  secure.Print("TLS");
  return 0;
}

}  // namespace
}  // namespace heddle::bench

int main(int argc, char** argv) {
  try {
    return heddle::bench::Main(argc, argv);
  } catch (const heddle::lab::LabError& error) {
    fprintf(stderr, "security_benchmark: %s\n", error.what());
    return 1;
  }
}
