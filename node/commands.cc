#include "node/commands.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/core_dumps.h"
#include "base/status_macros.h"
#include "node/dataplane/forwarder_process.h"
#include "node/dataplane/forwarder_report.h"
#include "node/dataplane/kernel.h"
#include "node/enrolment/enrolment.h"
#include "node/instance_lock.h"
#include "node/state/link_names.h"
#include "spdlog/spdlog.h"

namespace heddle::node {
namespace {

int Fail(const absl::Status& status, int exit_code = kExitFailure) {
  spdlog::error("{}", std::string(status.message()));
  return exit_code;
}

int FailToLock(const absl::Status& status) {
  return Fail(status, absl::IsFailedPrecondition(status) ? kExitBusy : kExitFailure);
}

// Turns the signals that stop us into a readable file descriptor, for this thread and all that it
// starts.
absl::StatusOr<int> OpenStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  signal(SIGPIPE, SIG_IGN);
  if (sigprocmask(SIG_BLOCK, &signals, nullptr) == 0) {
    const int fd = signalfd(-1, &signals, SFD_CLOEXEC);
    if (fd >= 0) return fd;
  }
  return absl::InternalError(absl::StrCat("cannot listen for signals: ", strerror(errno)));
}

// Without a key the node runs all the same: the wireguard backend alone is refused then.
WireguardSecret LoadSecret(const std::string& path, Identity* identity) {
  const absl::StatusOr<WireguardSecret> secret = LoadOrMakeWireguardSecret(path);
  if (!secret.ok()) {
    identity->wireguard_key_problem = std::string(secret.status().message());
    return {};
  }
  identity->wireguard_public_key = secret->public_key;
  return *secret;
}

// The program that listens there has a working directory of its own.
std::string ForwarderSocket(const Flags& flags) {
  return std::filesystem::absolute(flags.state_dir) / "forwarder.sock";
}

absl::StatusOr<std::unique_ptr<KernelDataplane>> OpenKernel(const Flags& flags,
                                                            KernelOptions options = {}) {
  options.hooks.record_file = flags.agent.hooks_file;
  options.hooks.run_commands = flags.agent.executor.identity.runs_commands;
  options.forwarder.socket_path = ForwarderSocket(flags);
  options.forwarder.program = flags.forwarder;
  return OpenKernelDataplane(std::move(options));
}

// Null: --insecure.
absl::StatusOr<std::unique_ptr<Enrolment>> StartEnrolment(const Flags& flags) {
  if (!flags.agent.session.insecure) return Enrolment::Start(flags.enrolment);
  spdlog::warn(
      "--insecure: no TLS. Whoever reaches this host's network can take a controller's place and "
      "decide where the pods' traffic goes; leave it out, and give --join a ticket of 'heddlectl "
      "token create'");
  return std::unique_ptr<Enrolment>();
}

absl::Status RunAgent(const Flags& flags, int stop_fd, std::unique_ptr<Enrolment> enrolment) {
  AgentOptions options = flags.agent;
  KernelOptions kernel;
  kernel.forwarder.takes_over = true;
  kernel.wireguard = LoadSecret(flags.wireguard_key_file, &options.executor.identity);
  HEDDLE_ASSIGN_OR_RETURN(std::unique_ptr<KernelDataplane> dataplane, OpenKernel(flags, kernel));
  HEDDLE_ASSIGN_OR_RETURN(KernelWatch watch, KernelWatch::Open());
  HEDDLE_RETURN_IF_ERROR(watch.Add(dataplane->fd()));
  Agent agent(std::move(options), WatchedDataplane(std::move(dataplane), std::move(watch)),
              std::move(enrolment));
  return agent.Run(stop_fd);
}

// A line for `show`, from the files alone: another process has the say.
std::string IdentityText(const Flags& flags) {
  if (flags.agent.session.insecure) return "identity none: --insecure\n";
  const EnrolmentOptions& options = flags.enrolment;
  const auto credentials = identity::LoadCredentials(
      options.own_files ? *options.own_files : identity::IdentityFile(options.state.identity));
  std::string text;
  if (credentials.ok()) {
    const identity::Certificate& leaf = credentials->leaf;
    text = absl::StrCat("identity ", identity::ToString(leaf.principal), " serial ", leaf.serial,
                        " issuer ", leaf.issuer, " until ",
                        absl::FormatTime(absl::RFC3339_sec, leaf.not_after, absl::UTCTimeZone()),
                        "\n");
  } else {
    text = absl::StrCat("identity none: ", credentials.status().message(), "\n");
  }
  const std::string problem = ReadProblem(options.state.problem);
  return problem.empty() ? text : absl::StrCat(text, "identity problem: ", problem, "\n");
}

// True when something was removed.
bool RemoveFile(const std::string& path, bool* failed) {
  if (unlink(path.c_str()) == 0) {
    std::cout << "remove file " << path << "\n";
    return true;
  }
  if (errno != ENOENT) {
    spdlog::error("cannot remove {}: {}", path, strerror(errno));
    *failed = true;
  }
  return false;
}

absl::Status RemoveKernelObjects(Dataplane* dataplane, std::size_t* removed, bool* failed) {
  HEDDLE_ASSIGN_OR_RETURN(const NetworkState actual, dataplane->Read());
  const std::vector<Operation> operations = Diff(actual, {});
  for (const Operation& operation : operations) std::cout << operation.ToString() << "\n";
  const std::vector<Failure> failures = dataplane->Apply(operations);
  for (const Failure& failure : failures) {
    spdlog::error("{}", std::string(failure.status.message()));
    *failed = true;
  }
  *removed += operations.size() - failures.size();
  return absl::OkStatus();
}

// One that is left although its device is gone.
std::size_t EndLeftForwarder(const Flags& flags, bool* failed) {
  const absl::StatusOr<std::string> ended = EndForwarder(ForwarderSocket(flags));
  if (!ended.ok()) {
    spdlog::error("{}", std::string(ended.status().message()));
    *failed = true;
  }
  if (!ended.ok() || ended->empty()) return 0;
  std::cout << "end " << *ended << "\n";
  return 1;
}

}  // namespace

int RunNode(const Flags& flags) {
  const absl::StatusOr<InstanceLock> lock = InstanceLock::Take();
  if (!lock.ok()) return FailToLock(lock.status());
  // Before anything has a thread, or a key.
  const absl::StatusOr<int> stop_fd = OpenStopSignals();
  if (!stop_fd.ok()) return Fail(stop_fd.status());
  absl::Status status = ForbidCoreDumps();
  if (!status.ok()) return Fail(status);
  absl::StatusOr<std::unique_ptr<Enrolment>> enrolment = StartEnrolment(flags);
  if (!enrolment.ok()) {
    const bool usage = absl::IsFailedPrecondition(enrolment.status());
    return Fail(enrolment.status(), usage ? kExitUsage : kExitFailure);
  }
  status = RunAgent(flags, *stop_fd, *std::move(enrolment));
  return status.ok() ? kExitOk : Fail(status);
}

int RunCleanup(const Flags& flags) {
  const absl::StatusOr<InstanceLock> lock = InstanceLock::Take();
  if (!lock.ok()) return FailToLock(lock.status());
  KernelOptions options;
  options.hooks.budget = absl::InfiniteDuration();  // there is no next pass
  absl::StatusOr<std::unique_ptr<KernelDataplane>> dataplane = OpenKernel(flags, options);
  if (!dataplane.ok()) return Fail(dataplane.status());
  std::size_t removed = 0;
  bool failed = false;
  const absl::Status status = RemoveKernelObjects(dataplane->get(), &removed, &failed);
  if (!status.ok()) return Fail(status);
  removed += EndLeftForwarder(flags, &failed);
  for (const std::string& path : {flags.agent.subnet_file, flags.agent.snapshot_file}) {
    removed += RemoveFile(path, &failed);
  }
  if (removed == 0 && !failed) std::cout << "nothing to remove\n";
  return failed ? kExitFailure : kExitOk;
}

int RunShow(const Flags& flags) {
  absl::StatusOr<std::unique_ptr<KernelDataplane>> dataplane = OpenKernel(flags);
  if (!dataplane.ok()) return Fail(dataplane.status());
  const absl::StatusOr<NetworkState> state = (*dataplane)->Read();
  if (!state.ok()) return Fail(state.status());
  std::cout << state->ToString();
  if (state->links.contains(kUdpLinkName)) std::cout << ReportForwarder(ForwarderSocket(flags));
  std::cout << IdentityText(flags);
  return kExitOk;
}

}  // namespace heddle::node
