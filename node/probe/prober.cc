#include "node/probe/prober.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "api/verdict.h"
#include "base/status_macros.h"
#include "spdlog/spdlog.h"

namespace heddle::node {
namespace {

constexpr std::size_t kMaxRunning = 32, kMaxRequests = 4;
constexpr absl::Duration kStartSpacing = absl::Milliseconds(5);
// A report is given out when it is this large, or this old, so that what is known is not lost when
// time runs out.
constexpr std::size_t kReportPeers = 64;
constexpr absl::Duration kReportEvery = absl::Milliseconds(500);
constexpr std::size_t kNamedUnknown = 8;
// After ICMP sockets could not be opened.
constexpr absl::Duration kOpenAgain = absl::Seconds(60);

}  // namespace

Prober::Prober(ProberOptions options)
    : options_(options),
      random_(options.seed),
      epoll_fd_(epoll_create1(EPOLL_CLOEXEC)),
      rounds_(options.seed) {
  if (epoll_fd_ < 0) {
    spdlog::critical("cannot make an epoll descriptor: {}", strerror(errno));
    abort();
  }
}

Prober::~Prober() { close(epoll_fd_); }

absl::Status Prober::OpenSockets(const std::vector<ProbeTarget>& targets) {
  const auto open = [&](Family family) -> absl::Status {
    if (sockets_[family]) return absl::OkStatus();
    HEDDLE_ASSIGN_OR_RETURN(EchoSocket opened, EchoSocket::Open(family));
    sockets_[family].emplace(std::move(opened));
    epoll_event event{};
    event.events = EPOLLIN;
    if (epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, sockets_[family]->fd(), &event) == 0) {
      return absl::OkStatus();
    }
    return absl::ErrnoToStatus(errno, "cannot probe peers: no notice of answers");
  };
  for (const ProbeTarget& target : targets) {
    HEDDLE_RETURN_IF_ERROR(open(target.underlay.to.family()));
    HEDDLE_RETURN_IF_ERROR(open(target.family));
  }
  return absl::OkStatus();
}

absl::Time Prober::next_due() const {
  absl::Time due = absl::InfiniteFuture();
  for (const Running& running : running_) due = std::min(due, running.path.due());
  if (options_.interval > absl::ZeroDuration() && steady_id_.empty()) {
    due = std::min(due, steady_due_);
  }
  if (!requests_.empty()) {
    const Request& request = requests_.front();
    const bool may_start = !request.is_begun || !request.targets.empty();
    if (may_start && CountRequested() < kMaxRunning) due = std::min(due, start_due_);
    if (!request.report.peers.empty()) due = std::min(due, request.report_due);
  }
  return due;
}

void Prober::Step(absl::Time now, const ProbeWorld* world) {
  TakeAnswers(now);
  if (world != nullptr) {
    BeginSteady(now, *world);
  } else {
    steady_due_ = now + options_.interval;
  }
  BeginRequested(now, world);
  Drive(now);
  for (auto it = running_.begin(); it != running_.end();) {
    if (!it->path.is_done()) {
      ++it;
      continue;
    }
    Finish(*it, world);
    absl::erase_if(sent_, [&](const auto& entry) { return entry.second.path == &it->path; });
    it = running_.erase(it);
  }
  GiveReport(now);
}

void Prober::TakeAnswers(absl::Time now) {
  for (Family family : kFamilies) {
    if (!sockets_[family]) continue;
    while (const auto answer = sockets_[family]->Receive()) {
      const auto sent = sent_.find(answer->token);
      if (sent == sent_.end()) continue;
      const auto& [path, packet, at] = sent->second;
      if (!path->MayAnswer(packet.way, answer->from)) continue;
      path->Answered(packet, answer->at - at, now);
      sent_.erase(sent);
    }
  }
}

void Prober::Start(ProbeTarget target, bool is_steady) {
  running_.push_back({PathProbe(std::move(target)), is_steady, std::nullopt});
}

void Prober::BeginSteady(absl::Time now, const ProbeWorld& world) {
  if (options_.interval <= absl::ZeroDuration() || !steady_id_.empty() || now < steady_due_) return;
  steady_due_ = now + options_.interval;
  const std::string node_id = rounds_.Next(world.peers, world.input.self.node_id);
  if (node_id.empty()) {
    reachability_ = rounds_.Summary();
    return;
  }
  std::vector<ProbeTarget> targets = PlanTargets(world.input, world.peers.at(node_id));
  if (targets.empty()) {
    rounds_.Leave(node_id);
    return;
  }
  if (const absl::Status opened = OpenSockets(targets); !opened.ok()) {
    reachability_ = {0, 0, {std::string(opened.message())}};
    steady_due_ = now + kOpenAgain;
    return;
  }
  steady_id_ = node_id;
  steady_failure_.clear();
  for (ProbeTarget& target : targets) Start(std::move(target), /*is_steady=*/true);
}

void Prober::Ask(ProbeRequest request) {
  if (requests_.size() >= kMaxRequests) {
    ProbeReport refusal;
    refusal.request_id = request.id;
    refusal.last = true;
    refusal.error = "it is still probing for earlier requests; try again in a moment";
    reports_.push_back(std::move(refusal));
    return;
  }
  Request waiting;
  waiting.report.request_id = request.id;
  waiting.asked = std::move(request);
  requests_.push_back(std::move(waiting));
}

void Prober::ForgetRequests() {
  requests_.clear();
  reports_.clear();
  for (auto it = running_.begin(); it != running_.end();) {
    if (it->is_steady) {
      ++it;
      continue;
    }
    absl::erase_if(sent_, [&](const auto& entry) { return entry.second.path == &it->path; });
    it = running_.erase(it);
  }
}

// The targets of a request, in random order, so that many nodes do not fall on one peer together.
void Prober::Plan(const ProbeWorld& world, Request* request) {
  std::vector<const Peer*> chosen;
  std::vector<std::string> unknown;
  for (const std::string& node_id : request->asked.node_ids) {
    const auto peer = world.peers.find(node_id);
    if (peer != world.peers.end()) {
      chosen.push_back(&peer->second);
    } else if (node_id != world.input.self.node_id && unknown.size() < kNamedUnknown) {
      unknown.push_back(node_id);
    }
  }
  if (request->asked.node_ids.empty()) {
    for (const auto& [node_id, peer] : world.peers) chosen.push_back(&peer);
  }
  std::shuffle(chosen.begin(), chosen.end(), random_);
  const std::size_t most = request->asked.max_peers;
  std::size_t planned = 0;
  for (const Peer* peer : chosen) {
    std::vector<ProbeTarget> targets = PlanTargets(world.input, *peer);
    if (targets.empty()) continue;
    for (ProbeTarget& target : targets) request->targets.push_back(std::move(target));
    if (++planned == most) break;
  }
  std::reverse(request->targets.begin(), request->targets.end());  // taken from the end
  if (const absl::Status opened = OpenSockets(request->targets); !opened.ok()) {
    request->targets.clear();
    request->report.error = std::string(opened.message());
  }
  request->report.host = world.findings;
  if (!unknown.empty() && request->report.error.empty()) {
    request->report.error =
        absl::StrCat("it has not been told of ", absl::StrJoin(unknown, ", "), " yet");
  }
}

void Prober::BeginRequested(absl::Time now, const ProbeWorld* world) {
  if (requests_.empty()) return;
  Request& request = requests_.front();
  if (!request.is_begun) {
    request.is_begun = true;
    request.report_due = now + kReportEvery;
    if (world == nullptr) {
      request.report.error = "it has no lease, or its own network is not known yet";
      return;
    }
    Plan(*world, &request);
  }
  std::size_t running = CountRequested();
  while (!request.targets.empty() && running < kMaxRunning && start_due_ <= now) {
    start_due_ = std::max(start_due_, now - kStartSpacing) + kStartSpacing;
    Start(std::move(request.targets.back()), /*is_steady=*/false);
    request.targets.pop_back();
    ++running;
  }
}

std::size_t Prober::CountRequested() const {
  return std::count_if(running_.begin(), running_.end(),
                       [](const Running& running) { return !running.is_steady; });
}

void Prober::Drive(absl::Time now) {
  for (Running& running : running_) {
    if (running.port && !running.path.is_done()) {
      const absl::Status refusal = running.port->Refusal();
      if (!refusal.ok()) {
        running.path.Refused({PathProbe::Way::kAnyMac}, std::string(refusal.message()), now);
      }
    }
    while (const auto packet = running.path.Next(now)) {
      const absl::Status sent = Send(&running, *packet);
      if (!sent.ok()) running.path.Refused(*packet, std::string(sent.message()), now);
    }
  }
}

absl::Status Prober::Send(Running* running, const PathProbe::Packet& packet) {
  const ProbeTarget& target = running->path.target();
  const ProbeTarget::Way& way =
      packet.way == PathProbe::Way::kUnderlay ? target.underlay : *target.overlay;
  EchoSocket& socket = *sockets_[way.to.family()];  // OpenSockets has
  const std::uint64_t token = random_();
  sent_[token] = {&running->path, packet, absl::Now()};
  absl::Status status;
  if (packet.way == PathProbe::Way::kAnyMac) {
    auto port = VxlanPort::Send(*target.vxlan, way.from, way.to, socket.TagOf(token));
    status = port.status();
    if (port.ok()) running->port = *std::move(port);
  } else {
    status = socket.Send(way.from, way.to, token, packet.bytes);
  }
  if (!status.ok()) sent_.erase(token);
  return status;
}

void Prober::Finish(const Running& running, const ProbeWorld* world) {
  PeerProbe result = running.path.Result();
  if (!running.is_steady) {
    if (!requests_.empty()) requests_.front().report.peers.push_back(std::move(result));
    return;
  }
  Evidence evidence{world == nullptr ? "this node" : absl::string_view(world->input.self.node_id),
                    result};
  // This host's own findings are said apart, once; here they only explain what fails.
  Verdict verdict = Judge(evidence);
  if (!verdict.ok() && world != nullptr) {
    evidence.from_findings = world->findings;
    evidence.backend = &world->input.network.backend;
    verdict = Judge(evidence);
  }
  if (!verdict.ok() && steady_failure_.empty()) steady_failure_ = verdict.advice;
  const bool more = std::count_if(running_.begin(), running_.end(),
                                  [](const Running& other) { return other.is_steady; }) > 1;
  if (more) return;
  rounds_.Record(std::exchange(steady_id_, ""), std::exchange(steady_failure_, ""));
  reachability_ = rounds_.Summary();
}

void Prober::GiveReport(absl::Time now) {
  if (requests_.empty() || !requests_.front().is_begun) return;
  Request& request = requests_.front();
  request.report.last = request.targets.empty() && CountRequested() == 0;
  const bool is_due = !request.report.peers.empty() &&
                      (request.report.peers.size() >= kReportPeers || request.report_due <= now);
  if (!request.report.last && !is_due) return;
  ProbeReport next;
  next.request_id = request.asked.id;
  next.error = request.report.last ? "" : std::exchange(request.report.error, "");
  reports_.push_back(std::exchange(request.report, std::move(next)));
  request.report_due = now + kReportEvery;
  if (reports_.back().last) requests_.pop_front();
}

std::vector<ProbeReport> Prober::TakeReports() { return std::exchange(reports_, {}); }

}  // namespace heddle::node
