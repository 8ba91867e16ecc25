#include "node/agent.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "node/backend/backend.h"
#include "node/forwarding.h"
#include "node/host/inventory.h"
#include "node/service_notice.h"
#include "node/snapshot_file.h"
#include "node/subnet_env.h"
#include "spdlog/spdlog.h"

namespace heddle::node {
namespace {

// From a change to the snapshot file; and how many times longer than a save at least, so that a
// large cluster in motion does not spend its time on saving.
constexpr absl::Duration kSaveDelay = absl::Seconds(1);
constexpr int kSaveSpacing = 20;
// After a file could not be written.
constexpr absl::Duration kWriteAgain = absl::Seconds(2);
// Links and addresses come in bursts; one look sees them all.
constexpr absl::Duration kLookSettle = absl::Milliseconds(10);
constexpr absl::Duration kLookSpacing = absl::Milliseconds(200);
// Between looks when nothing hints at a change, and while there is no underlay.
constexpr absl::Duration kLookAgain = absl::Seconds(60), kLookForMissing = absl::Seconds(1);

// Looks at what in this host itself stops pod traffic.
constexpr absl::Duration kLookForFindings = absl::Seconds(60);

// Time that never steps. Only differences mean something.
absl::Time MonotonicNow() {
  return absl::UnixEpoch() + absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

// The first that serves one of the sets of families that the network can do with. Else why the
// dearest set is not served.
absl::StatusOr<HostFacts> FindUnderlay(const Network& network, const UnderlayOptions& options) {
  HEDDLE_ASSIGN_OR_RETURN(const HostInventory inventory, ReadInventory());
  absl::Status first;
  for (const std::vector<Family>& families : UnderlayChoices(network)) {
    const auto wants = [&](Family family) {
      return std::find(families.begin(), families.end(), family) != families.end();
    };
    auto facts = SelectUnderlay(inventory, options, wants(Family::kV4), wants(Family::kV6));
    if (facts.ok()) return facts;
    if (first.ok()) first = facts.status();
  }
  return first;
}

PreStartupOptions PreStartupOf(const ExecutorOptions& executor) {
  PreStartupOptions options;
  options.run_commands = executor.identity.runs_commands;
  options.seed = executor.seed;
  return options;
}

SessionOptions WithCredentials(SessionOptions options, const Enrolment* enrolment) {
  if (enrolment != nullptr) {
    options.credentials = [enrolment] { return enrolment->Current(); };
    options.controllers = enrolment->Controllers();
  }
  return options;
}

}  // namespace

Agent::Agent(AgentOptions options, WatchedDataplane dataplane, std::unique_ptr<Enrolment> enrolment)
    : options_(std::move(options)),
      enrolment_(std::move(enrolment)),
      dataplane_(std::move(dataplane)),
      executor_(options_.executor, &dataplane_),
      pre_startup_(PreStartupOf(options_.executor)),
      session_(
          WithCredentials(options_.session, enrolment_.get()),
          [this](SessionEvent event) { events_.Post(std::move(event)); },
          [this] {
            return Resume{executor_.position(), executor_.set_hash(), executor_.need_snapshot(),
                          executor_.peers().size()};
          }),
      prober_(options_.prober) {}

absl::Status Agent::Run(int stop_fd) {
  RestoreSnapshot();
  if (enrolment_ != nullptr) {
    enrolment_->OnChange([this] {
      events_.Post({SessionEvent::Kind::kWake, 0, Heartbeat{}, true, {}});
    });
    FollowEnrolment(MonotonicNow());
  }
  for (bool stop = false; !stop;) {
    absl::Time now = MonotonicNow();
    if (look_at_host_ <= now || network_looked_for_ != executor_.network()) LookAtHost(now);
    RunPreStartup(now);
    const std::uint64_t passes = executor_.full_passes();
    executor_.Step(now);
    // A pass that ran commands took its time: what the controller said meanwhile is heard before
    // its silence is judged.
    TakeEvents();
    if (executor_.full_passes() != passes) malloc_trim(0);  // a whole plan was made and dropped
    now = MonotonicNow();
    WriteSubnetFile(now);
    Remember(now);
    session_.Tick(now);
    Advertise();
    Probe(now);
    Report();
    TellSystemd();
    HEDDLE_RETURN_IF_ERROR(Wait(stop_fd, &stop));
    TakeEvents();
    TakeHints();
  }
  NotifyStopping();
  SaveSnapshot();
  spdlog::info("stopped; the data plane stays as it is, 'heddle-node cleanup' removes it");
  return absl::OkStatus();
}

absl::Time Agent::NextDue() const {
  const absl::Time write_again =
      write_again_ > MonotonicNow() ? write_again_ : absl::InfiniteFuture();
  return std::min({executor_.next_due(), session_.next_due(), pre_startup_.next_due(),
                   prober_.next_due(), look_at_host_, save_at_, write_again});
}

absl::Status Agent::Wait(int stop_fd, bool* stop) {
  std::array<pollfd, 4> fds = {{{stop_fd, POLLIN, 0},
                                {events_.fd(), POLLIN, 0},
                                {dataplane_.fd(), POLLIN, 0},
                                {prober_.fd(), POLLIN, 0}}};
  const absl::Duration wait = NextDue() - MonotonicNow();
  int timeout_ms = -1;
  if (wait < absl::Hours(1)) {
    // Rounded up: waking early would only mean to wait again.
    timeout_ms = std::max<std::int64_t>(
        0, absl::ToInt64Milliseconds(absl::Ceil(wait, absl::Milliseconds(1))));
  }
  const int ready = poll(fds.data(), fds.size(), timeout_ms);
  if (ready < 0 && errno != EINTR) {
    return absl::InternalError(absl::StrCat("cannot wait for events: poll: ", strerror(errno)));
  }
  *stop = ready > 0 && fds[0].revents != 0;
  return absl::OkStatus();
}

void Agent::TakeEvents() {
  for (SessionEvent& event : events_.TakeAll()) {
    const absl::Time now = MonotonicNow();
    if (event.kind == SessionEvent::Kind::kWake) FollowEnrolment(now);
    std::optional<Update> update = session_.Handle(std::move(event), now);
    if (update) TakeUpdate(*std::move(update), now);
  }
  if (enrolment_ != nullptr) enrolment_->TakeRefusal(session_.refused());
}

void Agent::TakeUpdate(Update update, absl::Time now) {
  const bool is_heartbeat = std::holds_alternative<Heartbeat>(update);
  const bool is_lease = std::holds_alternative<OwnLease>(update);
  // A stream that goes on from what this node has changes nothing here, yet wants to hear it.
  report_due_ |= is_heartbeat || std::holds_alternative<Synced>(update);
  if (const auto* heartbeat = std::get_if<Heartbeat>(&update)) NoteStale(*heartbeat);
  if (auto* request = std::get_if<ProbeRequest>(&update)) {
    look_for_findings_ = absl::InfinitePast();  // who asks wants to know of now
    prober_.Ask(std::move(*request));
  }
  if (auto* trust = std::get_if<Trust>(&update); trust != nullptr && enrolment_ != nullptr) {
    enrolment_->TakeTrust(std::move(*trust));
  }
  const absl::Status status = executor_.Handle(std::move(update), now);
  if (status.ok()) {
    session_.Next();
  } else {
    session_.Drop(status, now);
  }
  if (is_heartbeat) advertised_again_ = false;
  if (is_heartbeat || is_lease) CompareLease();
}

// A stream that lives is left alone; a session without one tries what is new at once.
void Agent::FollowEnrolment(absl::Time now) {
  session_.UseControllers(enrolment_->Controllers());
  std::shared_ptr<const identity::Credentials> current = enrolment_->Current();
  if (current == credentials_) return;
  credentials_ = std::move(current);
  session_.CredentialsChanged(now);
}

void Agent::TakeHints() {
  if (!dataplane_.TakeHint()) return;
  const absl::Time now = MonotonicNow();
  look_at_host_ = std::min(look_at_host_, std::max(now + kLookSettle, last_look_ + kLookSpacing));
  executor_.LookAgain(now);
}

// Reads the host's own links, addresses and routes, and whether it forwards.
void Agent::LookAtHost(absl::Time now) {
  network_looked_for_ = executor_.network();
  last_look_ = now;
  look_at_host_ = now + kLookAgain;
  if (!network_looked_for_) return;  // the families are not known yet
  forwarding_problems_ = ForwardingProblems(*network_looked_for_);
  absl::StatusOr<HostFacts> facts = FindUnderlay(*network_looked_for_, options_.underlay);
  if (facts.ok()) {
    UseUnderlay(*facts, now);
  } else {
    look_at_host_ = now + kLookForMissing;
  }
  executor_.SetHost(std::move(facts), now);
}

void Agent::UseUnderlay(const HostFacts& facts, absl::Time now) {
  dataplane_.set_underlay_link(facts.underlay_link);
  // A stream from an address that is gone hears nothing more, and would be found silent only later.
  if (!source_address_.empty() && source_address_ != facts.source_address) {
    session_.Drop(absl::UnavailableError("this host's address has changed"), now);
  }
  source_address_ = facts.source_address;
}

void Agent::RunPreStartup(absl::Time now) {
  if (!executor_.network()) return;
  std::optional<PreStartup::News> news = pre_startup_.Step(*executor_.network(), now);
  if (news) executor_.SetExtensionBackendData(*std::move(news), now);
}

void Agent::RestoreSnapshot() {
  absl::StatusOr<Remembered> saved = ReadSnapshotFile(options_.snapshot_file);
  if (absl::IsNotFound(saved.status())) return RestoreSubnets();
  if (!saved.ok()) {
    spdlog::warn("starting without the saved snapshot: {}", std::string(saved.status().message()));
    return RestoreSubnets();
  }
  if (saved->self.node_id != options_.executor.identity.node_id) {
    spdlog::warn("starting without the saved snapshot {}: it is of node {}, and this is {}",
                 options_.snapshot_file, saved->self.node_id, options_.executor.identity.node_id);
    return;
  }
  spdlog::info("going on from the saved snapshot of {} peers", saved->peers.size());
  executor_.Restore(*std::move(saved));
  saved_version_ = executor_.remembered_version();
}

// Without a snapshot the subnet file of an earlier run still tells which subnet the pods here have.
void Agent::RestoreSubnets() {
  const absl::StatusOr<PerFamily<Prefix>> subnets = ReadSubnetEnv(options_.subnet_file);
  if (subnets.ok()) {
    former_subnets_ = *subnets;
  } else if (!absl::IsNotFound(subnets.status())) {
    spdlog::warn("not asking for the former subnet: {}", std::string(subnets.status().message()));
  }
}

// Keeps the snapshot on disk, a little later than it changes: changes come in bursts.
void Agent::Remember(absl::Time now) {
  if (executor_.remembered_version() != saved_version_) {
    save_at_ = std::min(save_at_, now + std::max(kSaveDelay, kSaveSpacing * save_took_));
  }
  if (save_at_ <= now) SaveSnapshot();
}

void Agent::SaveSnapshot() {
  save_at_ = absl::InfiniteFuture();
  if (executor_.remembered_version() == saved_version_) return;
  const std::optional<Remembered> remembered = executor_.remembered();
  if (!remembered) return;
  const absl::Time start = MonotonicNow();
  snapshot_status_ = WriteSnapshotFile(options_.snapshot_file, *remembered);
  save_took_ = MonotonicNow() - start;
  if (snapshot_status_.ok()) {
    saved_version_ = executor_.remembered_version();
  } else {
    save_at_ = start + kWriteAgain;
  }
}

// subnet.env says what the kernel holds now, so that a pod is never put on a path that is not
// there.
void Agent::WriteSubnetFile(absl::Time now) {
  if (!executor_.ready() || !executor_.own_objects_made()) return;
  const PlanBasis& basis = *executor_.basis();
  const absl::StatusOr<int> mtu_bytes = PodMtuBytes(basis.network, basis.host);
  if (!mtu_bytes.ok()) {
    subnet_file_status_ = mtu_bytes.status();
    return;
  }
  const std::string content =
      SubnetEnvText(basis.network, basis.self, *mtu_bytes, options_.executor.plan.ip_masq);
  if (content == subnet_file_content_ && (subnet_file_status_.ok() || now < write_again_)) return;
  subnet_file_status_ = WriteSubnetEnv(options_.subnet_file, content);
  subnet_file_content_ = content;
  write_again_ = subnet_file_status_.ok() ? absl::InfinitePast() : now + kWriteAgain;
}

void Agent::Advertise() {
  if (!session_.attached() || !executor_.advertisement()) return;
  const bool told =
      advertised_stream_ == session_.stream() && advertised_ == executor_.advertisement();
  if (told) return;
  advertised_stream_ = session_.stream();
  advertised_ = executor_.advertisement();
  std::vector<Prefix> preferred;
  const PerFamily<Prefix>& subnets = executor_.self() ? executor_.self()->subnets : former_subnets_;
  subnets.ForEach([&](Family, const Prefix& subnet) { preferred.push_back(subnet); });
  session_.SendAdvertise(*advertised_, preferred);
}

// What this node asked of another controller a while ago may be carried out after what it asked of
// this one; then its lease, which it is told, has its former address, and so have all its peers.
// Once per heartbeat: a controller that can never have it as it is asked is left in peace.
void Agent::CompareLease() {
  if (advertised_again_ || !executor_.self() || !advertised_ ||
      executor_.self()->advertisement == *advertised_) {
    return;
  }
  advertised_again_ = true;
  advertised_.reset();
}

// Only once this node has a lease: what there is to probe follows from it.
void Agent::Probe(absl::Time now) {
  if (probed_stream_ != session_.stream()) prober_.ForgetRequests();
  probed_stream_ = session_.stream();
  const std::optional<PlanBasis>& basis = executor_.basis();
  if (basis) {
    const PlanInput input{basis->network, basis->self, basis->host, options_.executor.plan};
    if (look_for_findings_ <= now) {
      look_for_findings_ = now + kLookForFindings;
      findings_ = host_findings_.Look(input, executor_.unsupported());
    }
    const ProbeWorld world{input, executor_.peers(), findings_};
    prober_.Step(now, &world);
  } else {
    prober_.Step(now, nullptr);
  }
  for (const ProbeReport& report : prober_.TakeReports()) session_.SendProbeReport(report);
}

}  // namespace heddle::node
