// The whole controller around a store: writer, hub, services and gRPC server, in the order in which
// they start and end.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "controller/lease_book.h"
#include "identity/authority.h"
#include "identity/credentials.h"
#include "storage/store.h"

namespace heddle::controller {

struct ControllerOptions {
  std::vector<std::string> listen{"0.0.0.0:7411"};  // host:port; port 0 picks a free one
  std::string id;         // unique among the cluster's controllers; empty: the first of `listen`
  std::string advertise;  // host:port at which the others reach this one; empty: there are none
  std::optional<std::string> net_conf_json;  // absent: what is stored, if anything
  std::string net_conf_name;                 // for messages: where it came from
  // The store is shared: the start waits for no leadership, and the file is taken over by the
  // controller that is elected.
  bool one_of_several = false;
  LeasePolicy policy;
  int heartbeat_seconds = 5;
  absl::Duration rollout_grace = absl::Seconds(15);  // see Writer::Options
  absl::Duration restore_settle = absl::Minutes(2);  // see Writer::Options

  // What it serves with, and dials other controllers with. Outlives the controller. Null: without
  // TLS, and everybody may everything.
  const identity::LiveCredentials* credentials = nullptr;
  // Signs the certificates of nodes and administrators; asked each time, from any thread. Empty, or
  // null when asked: this controller has no CA key.
  std::function<std::shared_ptr<const identity::Authority>()> authority;
  absl::Duration certificate_ttl = absl::Hours(720);  // of nodes
  std::string audit_log;                              // as Audit::Open
  // What other controllers must prove to be; empty: the host that is dialled.
  std::string tls_server_name = identity::kControllerServerName;
};

class Controller {
 public:
  // Serves when it returns. FailedPrecondition, InvalidArgument and Unimplemented are the
  // configuration's fault, and say what to change. `on_failure` is called, at most once and from
  // another thread, when the controller cannot go on. The store outlives the controller.
  static absl::StatusOr<std::unique_ptr<Controller>> Start(
      const ControllerOptions& options, storage::Store* store,
      std::function<void(const absl::Status&)> on_failure);
  ~Controller();  // drains

  // The ports listened on, in the order of `listen`.
  const std::vector<int>& ports() const;
  // Ends streams and calls with a word, then the server. Idempotent.
  void Drain();

 private:
  class Parts;
  explicit Controller(std::unique_ptr<Parts> parts);
  const std::unique_ptr<Parts> parts_;
};

}  // namespace heddle::controller
