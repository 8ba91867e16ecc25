// Where nodes' answers to probe requests wait for those who asked, or go on to the controller that
// did. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "api/probe.h"
#include "base/mutex.h"

namespace heddle::controller {

class ProbeReports {
 public:
  struct Arrived {
    std::string node_id;
    // Not OK: the node's stream has ended, or what it sent cannot be used; for every request.
    absl::StatusOr<ProbeReport> report;
  };

  // `first_id`: of the requests. By chance, so that an answer to another controller's request is
  // not taken for one to this one's.
  explicit ProbeReports(std::uint64_t first_id = 1) : next_id_(first_id) {}

  // The id of a new request.
  std::uint64_t Open();
  void Close(std::uint64_t request_id);

  // Kept only for an open request, and while few others wait: a node that sends what nobody asked
  // for costs nothing.
  void Add(const std::string& node_id, absl::StatusOr<ProbeReport> report);
  // Where that goes which no open request asked for. Before the first Add.
  using Forward = std::function<void(const std::string&, const absl::StatusOr<ProbeReport>&)>;
  void OnOthers(Forward forward) { forward_ = std::move(forward); }
  std::vector<Arrived> Take();

 private:
  Forward forward_;
  mutable Mutex mutex_;
  std::uint64_t next_id_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<std::uint64_t> open_ ABSL_GUARDED_BY(mutex_);
  std::vector<Arrived> arrived_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller
