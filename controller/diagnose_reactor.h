// An administrator's Diagnose call: its Diagnosis, and the events on their way out.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "api/heddle/v1/admin.pb.h"
#include "base/mutex.h"
#include "controller/diagnosis.h"
#include "controller/probe_reports.h"

namespace heddle::controller {

// Lives until gRPC is done with it and nobody else holds it. Thread-safe. No lock is held while a
// write or finish is started.
class DiagnoseReactor final : public grpc::ServerWriteReactor<v1::DiagnoseEvent>,
                              public std::enable_shared_from_this<DiagnoseReactor> {
 public:
  // `request_id`: what the reports that belong here carry.
  DiagnoseReactor(std::uint64_t request_id, std::function<void(DiagnoseReactor*)> done)
      : request_id_(request_id), done_(std::move(done)) {}

  void Begin();  // once, when it is owned by a shared_ptr
  std::uint64_t request_id() const { return request_id_; }
  // The nodes have been asked (or will be at once); gives up on those silent at `deadline`.
  void Expect(Diagnosis diagnosis, absl::Time deadline);
  void Fail(const std::string& node_id, const std::string& why);
  void Take(const ProbeReports::Arrived& arrived);
  // Sends what there is to send; ends the call when all is said.
  void Advance(absl::Time now);
  void End(const grpc::Status& status);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  void Send();
  void Collect() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::uint64_t request_id_;
  const std::function<void(DiagnoseReactor*)> done_;
  std::shared_ptr<DiagnoseReactor> self_;

  Mutex mutex_;
  std::optional<Diagnosis> diagnosis_ ABSL_GUARDED_BY(mutex_);
  absl::Time deadline_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  std::deque<v1::DiagnoseEvent> events_ ABSL_GUARDED_BY(mutex_);
  v1::DiagnoseEvent writing_event_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::Status end_status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller
