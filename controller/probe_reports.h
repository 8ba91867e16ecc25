// Where nodes' answers to probe requests wait for those who asked. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
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

  // The id of a new request.
  std::uint64_t Open();
  void Close(std::uint64_t request_id);

  // Kept only for an open request, and while few others wait: a node that sends what nobody asked
  // for costs nothing.
  void Add(const std::string& node_id, absl::StatusOr<ProbeReport> report);
  std::vector<Arrived> Take();

 private:
  mutable Mutex mutex_;
  std::uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  absl::flat_hash_set<std::uint64_t> open_ ABSL_GUARDED_BY(mutex_);
  std::vector<Arrived> arrived_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller
