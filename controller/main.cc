// heddle-controller.
#include <signal.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/core_dumps.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "controller/advertised_address.h"
#include "controller/controller.h"
#include "controller/controller_tls.h"
#include "controller/flags.h"
#include "controller/pki_commands.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"
#include "storage/etcd/etcd_store.h"
#include "storage/rocksdb/rocksdb_store.h"

namespace heddle::controller {
namespace {

constexpr std::size_t kMaxNetConfBytes = 1 << 20;
constexpr std::future_status kReady = std::future_status::ready;

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

void LogServing(const Flags& flags, const ControllerOptions& options) {
  if (flags.etcd.endpoints.empty()) {
    spdlog::info("heddle-controller {} serves, data in {}", kVersion, flags.data_dir);
    return;
  }
  spdlog::info("heddle-controller {}, '{}' among those on etcd at {} under {}; copy in {}",
               kVersion, options.id, absl::StrJoin(flags.etcd.endpoints, ","), flags.etcd.prefix,
               flags.etcd.copy_path);
  spdlog::info("the other controllers reach this one at {}{}", options.advertise,
               flags.advertise.empty() ? "; where that is wrong, give --advertise" : "");
}

absl::StatusOr<ControllerOptions> OptionsOf(const Flags& flags) {
  ControllerOptions options;
  options.id = flags.id;
  options.advertise = flags.advertise.empty() ? AdvertisedAddress(flags.listen, ReadHostAddresses())
                                              : flags.advertise;
  options.listen = flags.listen;
  options.one_of_several = !flags.etcd.endpoints.empty();
  options.policy.ttl = flags.lease_ttl;
  options.policy.rest = flags.rest;
  options.heartbeat_seconds = flags.heartbeat_seconds;
  options.rollout_grace = flags.rollout_grace;
  options.restore_settle = flags.restore_settle;
  options.certificate_ttl = flags.certificate_ttl;
  options.audit_log = flags.audit_log;
  options.tls_server_name = flags.tls.server_name;
  if (!flags.net_conf_path.empty()) {
    auto json = ReadFile(flags.net_conf_path, kMaxNetConfBytes);
    if (!json.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("--net-conf: ", json.status().message()));
    }
    options.net_conf_json = *std::move(json);
    options.net_conf_name = flags.net_conf_path;
  }
  return options;
}

// Null: it was asked for by name to do without.
absl::StatusOr<std::unique_ptr<ControllerTls>> OpenTls(const Flags& flags, const Clock* clock) {
  if (flags.tls.insecure) {
    spdlog::warn(
        "--insecure: no TLS and no authentication. WHOEVER REACHES {} CAN READ AND CHANGE THE "
        "WHOLE NETWORK. For trials on a trusted network only; `heddle-controller init` makes what "
        "it takes to do without --insecure",
        absl::StrJoin(flags.listen, ", "));
    return std::unique_ptr<ControllerTls>();
  }
  HEDDLE_RETURN_IF_ERROR(ForbidCoreDumps());
  ControllerTlsTerms terms;
  terms.controller_id = flags.id;
  if (flags.tls.is_own_pki()) {
    terms.own_pki = {flags.tls.key_file, flags.tls.cert_file, flags.tls.ca_file};
  } else {
    terms.files.folder = flags.tls.dir;
  }
  return ControllerTls::Open(terms, clock);
}

// Cancelled: a signal that ends the process came first.
absl::StatusOr<std::unique_ptr<storage::Store>> OpenStore(const Flags& flags,
                                                          const sigset_t& signals) {
  if (flags.etcd.endpoints.empty()) {
    storage::RocksdbOptions options;
    options.path = flags.data_dir;
    return storage::OpenRocksdbStore(options);
  }
  while (true) {
    auto store = storage::OpenEtcdStore(flags.etcd);
    if (!absl::IsUnavailable(store.status())) return store;
    spdlog::warn("{}; trying again", std::string(store.status().message()));
    sd_notify(0, "STATUS=waiting for etcd; there is no copy to serve from");
    const timespec pause{/*tv_sec=*/1, /*tv_nsec=*/0};
    if (sigtimedwait(&signals, nullptr, &pause) > 0) return absl::CancelledError("ended");
  }
}

enum class End {
  kAsked,
  kAnotherHistory,  // began under the controller, as after a restore: all it holds is of the old
                    // one
};

// One life of the controller: until a signal, or until it fails.
absl::StatusOr<End> Live(const Flags& flags, const ControllerOptions& options,
                         storage::Store* store, const sigset_t& signals) {
  std::promise<absl::Status> failed;
  std::future<absl::Status> failure = failed.get_future();
  HEDDLE_ASSIGN_OR_RETURN(std::unique_ptr<Controller> controller,
                          Controller::Start(options, store, [&failed](const absl::Status& why) {
                            failed.set_value(why);
                            kill(getpid(), SIGUSR1);
                          }));
  LogServing(flags, options);
  sd_notify(0, "READY=1\nSTATUS=serving");
  int signal = 0;
  do {
    sigwait(&signals, &signal);
    // Only with a failure is that signal our own.
  } while (signal == SIGUSR1 && failure.wait_for(std::chrono::seconds(0)) != kReady);
  const absl::Status why = signal == SIGUSR1 ? failure.get() : absl::OkStatus();
  if (absl::IsDataLoss(why)) {
    spdlog::warn("{}: starting anew in this process", std::string(why.message()));
    return End::kAnotherHistory;
  }
  sd_notify(0, "STOPPING=1");
  spdlog::info("ending");
  controller->Drain();
  if (!why.ok()) return why;
  return End::kAsked;
}

int Serve(const Flags& flags, const sigset_t& signals) {
  auto options = OptionsOf(flags);
  if (!options.ok()) return Fail(options.status());
  const SystemClock clock;
  const auto tls = OpenTls(flags, &clock);
  if (!tls.ok()) return Fail(tls.status());
  if (*tls != nullptr) {
    options->credentials = (*tls)->credentials();
    options->authority = [tls = tls->get()] { return tls->authority(); };
  }
  const auto store = OpenStore(flags, signals);
  if (absl::IsCancelled(store.status())) return kExitOk;
  if (!store.ok()) {
    const int code = Fail(store.status());
    return absl::IsInvalidArgument(store.status()) ? code : kExitFailure;
  }
  while (true) {
    const absl::StatusOr<End> end = Live(flags, *options, store->get(), signals);
    if (!end.ok()) return Fail(end.status());
    if (*end == End::kAsked) return kExitOk;
  }
}

}  // namespace
}  // namespace heddle::controller

int main(int argc, char** argv) {
  using namespace heddle::controller;
  const ParsedFlags parsed = ParseFlags(argc, argv);
  if (parsed.exit_code >= 0) return parsed.exit_code;
  if (parsed.flags.pki.command != PkiFlags::Command::kNone) return RunPkiCommand(parsed.flags.pki);
  LogToStderr(parsed.flags.log_level);
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);  // its failures reach us as statuses
  const sigset_t signals = BlockSignals();
  return Serve(parsed.flags, signals);
}
