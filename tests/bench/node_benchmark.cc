// The real heddle-node in a private network namespace against a scripted controller on loopback:
// from an empty kernel to all peers applied, one changed peer, a restart with nothing to do,
// memory.
//
//   bazel build --config=release //node:heddle-node //tests/bench:node_benchmark
//   sudo .../tests/bench/node_benchmark --node .../node/heddle-node
//
// Times run from the start of the process (or from writing the change) to the arrival of the node's
// report that all of it is in the kernel. CPU is the node's, with what the kernel does in its
// system calls. Needs root (namespaces). Leaves nothing behind.
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "node/dataplane/private_network.h"
#include "tests/bench/scripted_controller.h"
#include "tests/lab/spawn.h"

namespace heddle::bench {
namespace {

constexpr int kDeltas = 50;
constexpr auto kLimit = std::chrono::seconds(300);

[[noreturn]] void Die(const std::string& why) {
  fprintf(stderr, "%s\n", why.c_str());
  _exit(1);
}

double Milliseconds(SteadyClock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

void Sleep(double seconds) { std::this_thread::sleep_for(std::chrono::duration<double>(seconds)); }

// All figures of one size, by name, over the rounds.
class Figures {
 public:
  void Add(const std::string& name, double value) { values_[name].push_back(value); }
  double Median(const std::string& name) { return Sorted(name)[values_[name].size() / 2]; }
  void Print(int peers) {
    for (auto& [name, values] : values_) {
      const std::vector<double>& sorted = Sorted(name);
      printf("%7d peers  %-34s %10.2f (%.2f to %.2f, %zu times)\n", peers, name.c_str(),
             sorted[sorted.size() / 2], sorted.front(), sorted.back(), sorted.size());
    }
    fflush(stdout);
  }

 private:
  const std::vector<double>& Sorted(const std::string& name) {
    std::sort(values_[name].begin(), values_[name].end());
    return values_[name];
  }
  std::map<std::string, std::vector<double>> values_;
};

// A running heddle-node.
class Node {
 public:
  Node(const std::string& program, const std::string& folder, const std::string& controller)
      : started_(SteadyClock::now()),
        child_({{program, "--insecure", "--controllers", controller, "--node-id",
                 ScriptedController::kSelf, "--iface", node::kTestUnderlay, "--log-level", "warn",
                 "--state-dir", folder, "--subnet-file", folder + "/subnet.env"}},
               STDERR_FILENO, STDERR_FILENO) {
    if (clock_getcpuclockid(child_.pid(), &cpu_clock_) != 0) Die("no CPU clock of the node");
  }

  SteadyClock::time_point started() const { return started_; }
  double CpuMilliseconds() const {
    timespec time{};
    if (clock_gettime(cpu_clock_, &time) != 0) Die("heddle-node has died");
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
  }
  // Sum of the fields of /proc/PID/smaps_rollup that begin with `field`, in MiB.
  double MemoryMib(const std::string& field) const {
    std::ifstream lines(absl::StrCat("/proc/", child_.pid(), "/smaps_rollup"));
    double kib = 0;
    for (std::string line; std::getline(lines, line);) {
      if (line.compare(0, field.size(), field) == 0)
        kib += std::stod(line.substr(line.find(':') + 1));
    }
    return kib / 1024;
  }
  void Stop() {
    child_.Signal(SIGTERM);
    if (child_.Wait(absl::Seconds(60)) != 0) Die("heddle-node did not end well");
  }

 private:
  const SteadyClock::time_point started_;
  lab::Child child_;
  clockid_t cpu_clock_ = 0;
};

SteadyClock::time_point Applied(ScriptedController* controller) {
  const auto at = controller->WaitForApplied(kLimit);
  if (!at) Die("heddle-node did not report that it has applied all");
  return *at;
}

// From the process's start to its report.
void MeasureStart(const std::string& name, const Node& node, ScriptedController* controller,
                  Figures* figures) {
  figures->Add(name + ", ms", Milliseconds(Applied(controller) - node.started()));
  figures->Add(name + ", CPU ms", node.CpuMilliseconds());
}

// One peer after the other gets another address and MAC. The CPU has all that follows within 50 ms:
// the echo of the kernel's notifications too. What comes later, the saving of the snapshot, is in
// the mean over all.
void MeasureDeltas(int peers, const Node& node, ScriptedController* controller, Figures* figures) {
  Figures deltas;
  const double before_all = node.CpuMilliseconds();
  for (int i = 0; i < kDeltas; ++i) {
    const double before = node.CpuMilliseconds();
    const auto start = SteadyClock::now();
    controller->ChangePeer(1 + i * 7919 % peers);
    deltas.Add("wall", Milliseconds(Applied(controller) - start));
    Sleep(0.05);
    deltas.Add("cpu", node.CpuMilliseconds() - before);
  }
  Sleep(3);
  figures->Add("one delta, ms", deltas.Median("wall"));
  figures->Add("one delta, CPU ms", deltas.Median("cpu"));
  figures->Add("one delta of 50 with saving, CPU ms",
               (node.CpuMilliseconds() - before_all) / kDeltas);
}

void MeasureMemory(const std::string& name, const Node& node, Figures* figures) {
  Sleep(4);  // the snapshot is saved, what the start needed is given back
  figures->Add(name + ", private MiB", node.MemoryMib("Private_"));
  figures->Add(name + ", resident MiB", node.MemoryMib("Rss"));
}

void Round(const std::string& program, const std::string& folder, int peers, Figures* figures) {
  if (const absl::Status entered = node::EnterPrivateNetwork(); !entered.ok()) {
    Die(std::string(entered.message()));
  }
  const absl::Status up = node::RunShell("ip link set lo up && sysctl -qw net.ipv4.ip_forward=1");
  if (!up.ok()) Die(std::string(up.message()));
  ScriptedController controller(peers);
  {
    Node node(program, folder, controller.address());
    MeasureStart("from an empty kernel", node, &controller, figures);
    MeasureMemory("idle", node, figures);
    MeasureDeltas(peers, node, &controller, figures);
    node.Stop();
  }
  controller.ForgetApplied();
  {
    Node node(program, folder, controller.address());
    MeasureStart("restart with nothing to do", node, &controller, figures);
    MeasureMemory("idle after a restart", node, figures);
    node.Stop();
  }
  // In the order that is quick; the end of a namespace with many next hops is not.
  const absl::Status cleaned =
      node::RunShell(absl::StrCat(program, " cleanup --state-dir ", folder, " --subnet-file ",
                                  folder, "/subnet.env >/dev/null"));
  if (!cleaned.ok()) Die(std::string(cleaned.message()));
}

}  // namespace
}  // namespace heddle::bench

int main(int argc, char** argv) {
  CLI::App app("What heddle-node costs: start, change, restart, memory.");
  std::string program;
  std::vector<int> sizes = {100, 1000, 10000, 100000};
  int rounds = 5;
  app.add_option("--node", program, "Path of heddle-node.")->required()->check(CLI::ExistingFile);
  app.add_option("--peers", sizes, "Numbers of peers.")
      ->delimiter(',')
      ->check(CLI::Range(1, 200'000));
  app.add_option("--rounds", rounds, "How often to repeat each.")->check(CLI::Range(1, 100));
  CLI11_PARSE(app, argc, argv);
  program = std::filesystem::absolute(program);
  for (const int peers : sizes) {
    heddle::bench::Figures figures;
    for (int round = 0; round < rounds; ++round) {
      std::string folder = "/var/tmp/heddle-node-benchmark-XXXXXX";
      if (mkdtemp(folder.data()) == nullptr) heddle::bench::Die("cannot make " + folder);
      heddle::bench::Round(program, folder, peers, &figures);
      std::filesystem::remove_all(folder);
    }
    figures.Print(peers);
  }
}
