#include "node/dataplane/udp_forwarder.h"

#include <net/if.h>
#include <sys/epoll.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status_macros.h"
#include "base/version.h"
#include "node/dataplane/forwarder_codec.h"
#include "node/dataplane/operation_batch.h"
#include "spdlog/spdlog.h"

namespace heddle::node {
namespace {

template <typename F>
absl::Status VisitUdp(const Operation& operation, F&& f) {
  using Listener = std::pair<UdpListenerKey, UdpListener>;
  if (const auto* listener = std::get_if<Listener>(&operation.object)) {
    return f(listener->first, listener->second);
  }
  const auto& tunnel = std::get<std::pair<UdpTunnelKey, UdpTunnel>>(operation.object);
  return f(tunnel.first, tunnel.second);
}

std::string ListOr(const google::protobuf::RepeatedPtrField<std::string>& names, const char* none) {
  return names.empty() ? none : absl::StrJoin(names, ", ");
}

}  // namespace

UdpForwarder::UdpForwarder(ForwarderOptions options)
    : options_(std::move(options)), ends_(epoll_create1(EPOLL_CLOEXEC)) {}

// A descriptor that is closed leaves the set by itself.
void UdpForwarder::Keep(ForwarderConnection connection) {
  connection_.emplace(std::move(connection));
  epoll_event end{};
  end.events = EPOLLRDHUP;
  if (epoll_ctl(ends_.get(), EPOLL_CTL_ADD, connection_->fd(), &end) != 0) {
    spdlog::warn("the end of {} will be seen late: epoll says {}", connection_->name(),
                 strerror(errno));
  }
}

bool UdpForwarder::HasEnded() {
  if (!connection_ || !connection_->is_closed()) return false;
  connection_.reset();
  holding_ = {};
  may_begin_ = false;
  return true;
}

void UdpForwarder::Read(NetworkState* state) {
  trouble_ = absl::OkStatus();
  may_begin_ = true;
  for (const auto& [name, link] : state->links) {
    if (!std::holds_alternative<TunLink>(link.kind)) continue;
    trouble_ = Look(name, state);
    if (!trouble_.ok()) connection_.reset();
    return;
  }
  LetGo();
}

// Its device was removed by others. It may be wanted again at once, so the connection stays until
// the next look.
void UdpForwarder::LetGo() {
  if (!connection_) return;
  const bool serves = std::exchange(holding_, {}).device_index != 0;
  const absl::Status status = serves ? connection_->ForgetDevice() : absl::OkStatus();
  if (!status.ok()) spdlog::warn("{}", std::string(status.message()));
  if (!status.ok() || !serves) connection_.reset();
}

absl::Status UdpForwarder::Look(const std::string& link, NetworkState* state) {
  const unsigned index = if_nametoindex(link.c_str());
  HEDDLE_ASSIGN_OR_RETURN(std::optional<control::State> held, Ask());
  if (held && options_.takes_over && held->version() != kVersion &&
      held->version() != release_after_take_over_) {
    HEDDLE_ASSIGN_OR_RETURN(held, TakeOver(*held));
  }
  if (!held) return absl::OkStatus();
  LogFeatures(*held);
  holding_ = HoldingOf(*held);
  if (index == 0 || holding_.device_index != index) return absl::OkStatus();
  HEDDLE_RETURN_IF_ERROR(Decode(*held, link, state));
  may_begin_ = false;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<control::State>> UdpForwarder::Ask() {
  // The one that was spoken to before may have ended, and another may listen by now.
  for (bool is_new = false; !is_new;) {
    is_new = !connection_;
    if (is_new) {
      absl::StatusOr<ForwarderConnection> opened = ForwarderConnection::Open(options_.socket_path);
      if (absl::IsUnavailable(opened.status())) return std::optional<control::State>();
      HEDDLE_RETURN_IF_ERROR(opened.status());
      Keep(*std::move(opened));
    }
    absl::StatusOr<control::State> state = connection_->Describe();
    if (!absl::IsUnavailable(state.status())) return state;
    connection_.reset();
  }
  return std::optional<control::State>();
}

// Once: a program that is of another release afterwards, too, is what is installed.
absl::StatusOr<std::optional<control::State>> UdpForwarder::TakeOver(const control::State& old) {
  const std::string old_name = connection_->name();
  release_after_take_over_ = old.version();
  spdlog::info("{} is of release {} and this is {}: it hands its work over to a new one", old_name,
               old.version(), kVersion);
  absl::StatusOr<ForwarderConnection> heir = ReplaceForwarder(*std::move(connection_), options_);
  connection_.reset();
  if (!heir.ok()) {
    spdlog::warn(
        "{} could not hand its work over: {}. All is opened anew, and packets that come "
        "meanwhile are lost",
        old_name, std::string(heir.status().message()));
    return std::optional<control::State>();
  }
  Keep(*std::move(heir));
  HEDDLE_ASSIGN_OR_RETURN(std::optional<control::State> held, Ask());
  if (!held) return held;
  release_after_take_over_ = held->version();
  if (held->version() != kVersion) {
    spdlog::warn("the program {} is of release {} and this is {}: install both of one release",
                 options_.program, held->version(), kVersion);
  }
  return held;
}

void UdpForwarder::LogFeatures(const control::State& state) {
  const std::string features =
      absl::StrCat(connection_->name(), ", release ", state.version(), ", uses ",
                   ListOr(state.using_(), "none of the kernel's features for speed"));
  if (features == features_logged_) return;
  features_logged_ = features;
  spdlog::info("{}; not to be had: {}", features, ListOr(state.lacking(), "none"));
}

void UdpForwarder::Add(const Operation& operation, const std::string& link) {
  if (link != link_) Flush();
  link_ = link;
  waiting_.push_back(&operation);
}

void UdpForwarder::Flush() {
  if (waiting_.empty()) return;
  const absl::Status sent = Send();
  if (!sent.ok()) {
    for (const Operation* operation : waiting_) AddFailure(*operation, sent, failures_);
  }
  waiting_.clear();
}

absl::Status UdpForwarder::Send() {
  HEDDLE_RETURN_IF_ERROR(trouble_);
  ForwarderChange change(holding_);
  HEDDLE_RETURN_IF_ERROR(Prepare(&change));
  std::vector<Failure> failures;
  for (const Operation* operation : waiting_) {
    const absl::Status status = VisitUdp(*operation, [&](const auto& key, const auto& value) {
      return change.Add(operation->kind, key, value);
    });
    if (!status.ok()) AddFailure(*operation, status, &failures);
  }
  const absl::Status done =
      connection_->Call(change.request(), change.descriptors(), ForwarderConnection::kChangeLimit)
          .status();
  may_begin_ = false;
  if (!done.ok()) {
    connection_.reset();  // what it holds now, a Read has to see
    holding_ = {};
    return done;
  }
  holding_ = change.holding();
  failures_->insert(failures_->end(), failures.begin(), failures.end());
  return absl::OkStatus();
}

// Makes sure that there is a forwarder, and that it has the device.
absl::Status UdpForwarder::Prepare(ForwarderChange* change) {
  const unsigned index = if_nametoindex(link_.c_str());
  if (index == 0) return absl::NotFoundError(absl::StrCat("link ", link_, " does not exist"));
  if (connection_ && holding_.device_index == index) return absl::OkStatus();
  if (!may_begin_) {
    return absl::UnavailableError(
        "heddle-forwarder has ended, or the device is another than it has; all is set at the next "
        "look at the whole");
  }
  if (!connection_) {
    HEDDLE_ASSIGN_OR_RETURN(ForwarderConnection connection, ConnectOrStart(options_));
    Keep(std::move(connection));
  }
  return change->SetDevice(link_, index);
}

void UdpForwarder::Forget(const Operation& operation) {
  absl::Status status = trouble_;
  if (status.ok() && !connection_) {
    absl::StatusOr<ForwarderConnection> opened = ForwarderConnection::Open(options_.socket_path);
    status = opened.status();
    if (opened.ok()) Keep(*std::move(opened));
  }
  if (status.ok()) status = connection_->ForgetDevice();
  holding_ = {};
  may_begin_ = true;
  if (status.ok()) return;
  connection_.reset();
  if (!absl::IsUnavailable(status)) AddFailure(operation, status, failures_);
}

void UdpForwarder::Finish() {
  if (holding_.device_index == 0) connection_.reset();
}

}  // namespace heddle::node
