#include "controller/probe_reports.h"

#include <utility>

namespace heddle::controller {
namespace {

// They are taken many times a second; more waiting would be a flood.
constexpr std::size_t kMaxWaiting = 16'384;

}  // namespace

std::uint64_t ProbeReports::Open() {
  MutexLock lock(&mutex_);
  open_.insert(next_id_);
  return next_id_++;
}

void ProbeReports::Close(std::uint64_t request_id) {
  MutexLock lock(&mutex_);
  open_.erase(request_id);
  if (open_.empty()) arrived_.clear();
}

void ProbeReports::Add(const std::string& node_id, absl::StatusOr<ProbeReport> report) {
  {
    MutexLock lock(&mutex_);
    const bool asked = report.ok() ? open_.contains(report->request_id) : !open_.empty();
    if (asked) {
      if (arrived_.size() < kMaxWaiting) arrived_.push_back({node_id, std::move(report)});
      return;
    }
  }
  if (forward_) forward_(node_id, report);
}

std::vector<ProbeReports::Arrived> ProbeReports::Take() {
  MutexLock lock(&mutex_);
  return std::exchange(arrived_, {});
}

}  // namespace heddle::controller
