// heddle-controller.
#include <signal.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "base/file.h"
#include "base/version.h"
#include "controller/controller.h"
#include "controller/flags.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"
#include "storage/rocksdb/rocksdb_store.h"

namespace heddle::controller {
namespace {

constexpr std::size_t kMaxNetConfBytes = 1 << 20;

void LogToStderr(const std::string& level) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("heddle-controller"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v");
  spdlog::set_level(spdlog::level::from_str(level));
}

int Fail(const absl::Status& status) {
  spdlog::error("{}", std::string(status.message()));
  const bool configuration = absl::IsInvalidArgument(status) || absl::IsUnimplemented(status) ||
                             absl::IsFailedPrecondition(status);
  return configuration ? kExitConfiguration : kExitFailure;
}

// Taken by sigwait below, so blocked in this thread and those it starts.
sigset_t BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

int Serve(const Flags& flags, const sigset_t& signals) {
  ControllerOptions options;
  options.listen = flags.listen;
  options.policy.ttl = flags.lease_ttl;
  options.policy.rest = flags.rest;
  options.heartbeat_seconds = flags.heartbeat_seconds;
  options.rollout_grace = flags.rollout_grace;
  if (!flags.net_conf_path.empty()) {
    auto json = ReadFile(flags.net_conf_path, kMaxNetConfBytes);
    if (!json.ok()) {
      spdlog::error("--net-conf: {}", std::string(json.status().message()));
      return kExitConfiguration;
    }
    options.net_conf_json = *std::move(json);
    options.net_conf_name = flags.net_conf_path;
  }
  storage::RocksdbOptions store_options;
  store_options.path = flags.data_dir;
  auto store = storage::OpenRocksdbStore(store_options);
  if (!store.ok()) {
    spdlog::error("{}", std::string(store.status().message()));
    return kExitFailure;
  }
  auto controller = Controller::Start(options, store->get(), [](const absl::Status& why) {
    spdlog::error("{}", std::string(why.message()));
    kill(getpid(), SIGUSR1);
  });
  if (!controller.ok()) return Fail(controller.status());
  spdlog::info("heddle-controller {} serves, data in {}", kVersion, flags.data_dir);
  sd_notify(0, "READY=1");
  int signal = 0;
  sigwait(&signals, &signal);
  sd_notify(0, "STOPPING=1");
  spdlog::info("ending");
  (*controller)->Drain();
  return signal == SIGUSR1 ? kExitFailure : kExitOk;
}

}  // namespace
}  // namespace heddle::controller

int main(int argc, char** argv) {
  using namespace heddle::controller;
  const ParsedFlags parsed = ParseFlags(argc, argv);
  if (parsed.exit_code >= 0) return parsed.exit_code;
  LogToStderr(parsed.flags.log_level);
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);  // its failures reach us as statuses
  const sigset_t signals = BlockSignals();
  return Serve(parsed.flags, signals);
}
