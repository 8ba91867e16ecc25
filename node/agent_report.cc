// What the agent tells others of itself: the controller, the log, systemd.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "node/agent.h"
#include "node/service_notice.h"
#include "spdlog/spdlog.h"

namespace heddle::node {
namespace {

// Whether to tell the controller at once. How many peers have been probed is not worth a message of
// its own: the next heartbeat's answer has it.
bool IsNews(Applied now, const Applied& told) {
  if (now.reachability.failures == told.reachability.failures) {
    now.reachability = told.reachability;
  }
  return now != told;
}

}  // namespace

// What probing found, and what lies in this host itself. Forwarding is among the problems already.
Reachability Agent::SeenReachability() const {
  Reachability seen = prober_.reachability();
  for (const HostFinding& finding : findings_) {
    if (finding.cause != kIpForward) seen.failures.push_back(finding.message);
  }
  return seen;
}

std::vector<std::string> Agent::Problems() const {
  std::vector<std::string> problems = executor_.problems();
  forwarding_problems_.ForEach(
      [&](Family, const std::string& problem) { problems.push_back(problem); });
  for (const absl::Status* status : {&subnet_file_status_, &snapshot_status_}) {
    if (!status->ok()) problems.emplace_back(status->message());
  }
  if (enrolment_ != nullptr) {
    std::string problem = enrolment_->Problem();
    if (!problem.empty()) problems.push_back(std::move(problem));
  }
  return problems;
}

// Tells the controller when something is new, when it has sent all there is, and at each heartbeat;
// and the log, once.
void Agent::Report() {
  Applied applied = executor_.applied();
  applied.problems = Problems();
  applied.reachability = SeenReachability();
  for (const std::string& problem : applied.problems) {
    const auto& logged = problems_logged_;
    if (std::find(logged.begin(), logged.end(), problem) == logged.end()) {
      spdlog::warn("{}", problem);
    }
  }
  if (applied.problems.empty() && !problems_logged_.empty()) spdlog::info("all is well again");
  problems_logged_ = applied.problems;
  if (!session_.attached()) return;
  const bool news = reported_stream_ != session_.stream() || IsNews(applied, reported_);
  if (!news && !report_due_) return;
  session_.SendApplied(applied);
  reported_ = std::move(applied);
  reported_stream_ = session_.stream();
  report_due_ = false;
}

// Nothing changes for this node; its administrator may want to know.
void Agent::NoteStale(const Heartbeat& heartbeat) {
  if (stale_logged_ == heartbeat.stale_since.has_value()) return;
  stale_logged_ = heartbeat.stale_since.has_value();
  if (stale_logged_) {
    spdlog::warn("controller {} has not reached its store since {}: it serves what it had then",
                 session_.controller(),
                 absl::FormatTime(absl::RFC3339_sec, *heartbeat.stale_since, absl::UTCTimeZone()));
  } else {
    spdlog::info("controller {} reaches its store", session_.controller());
  }
}

void Agent::TellSystemd() {
  if (executor_.ready() && subnet_file_status_.ok() && !std::exchange(ready_told_, true)) {
    spdlog::info("ready: this node's own objects and the paths to its peers are in the kernel");
    NotifyReady();
  }
  const bool waits_to_join = enrolment_ != nullptr && credentials_ == nullptr;
  std::string status =
      session_.attached()
          ? absl::StrCat("Attached to ", session_.controller(), ", ", executor_.applied().peers,
                         " peers at revision ", executor_.applied().revision)
      : waits_to_join ? absl::StrCat("Waiting to join; ", enrolment_->Problem())
                      : std::string("No controller; the data plane stays as it is");
  if (!problems_logged_.empty())
    absl::StrAppend(&status, "; ", problems_logged_.size(), " problems");
  if (status == service_status_) return;
  NotifyStatus(status);
  service_status_ = std::move(status);
}

}  // namespace heddle::node
