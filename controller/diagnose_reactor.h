// An administrator's Diagnose call: its Diagnosis, and the events on their way out.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "api/heddle/v1/admin.pb.h"
#include "controller/diagnosis.h"
#include "controller/event_stream.h"
#include "controller/probe_reports.h"

namespace heddle::controller {

class DiagnoseReactor final : public EventStream<v1::DiagnoseEvent> {
 public:
  // `request_id`: what the reports that belong here carry.
  DiagnoseReactor(std::uint64_t request_id, std::function<void(DiagnoseReactor*)> done)
      : request_id_(request_id), done_(std::move(done)) {}

  std::uint64_t request_id() const { return request_id_; }
  // The nodes have been asked (or will be at once); gives up on those silent at `deadline`.
  void Expect(Diagnosis diagnosis, absl::Time deadline);
  void Fail(const std::string& node_id, const std::string& why);
  void Take(const ProbeReports::Arrived& arrived);
  // Sends what there is to send; ends the call when all is said.
  void Advance(absl::Time now);

  // The call is served from this controller's nodes from now on, and may end at any time. Before
  // that, and while another controller serves it, it ends with EndAfter.
  void TakeOver();
  // Of the controller that serves it.
  void PassOn(v1::DiagnoseEvent event);
  // Ends it when what was passed on has been sent.
  void EndAfter(const grpc::Status& status);
  // Ends it at once if it is served here.
  void Close(const grpc::Status& status);
  void OnCancel() override { Close(grpc::Status::CANCELLED); }

 private:
  Turn Next() override ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnEnded() override { done_(this); }

  const std::uint64_t request_id_;
  const std::function<void(DiagnoseReactor*)> done_;
  std::optional<Diagnosis> diagnosis_ ABSL_GUARDED_BY(mutex_);
  absl::Time deadline_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  std::deque<v1::DiagnoseEvent> events_ ABSL_GUARDED_BY(mutex_);
  bool is_here_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> close_ ABSL_GUARDED_BY(mutex_);  // came before it was here
  std::optional<grpc::Status> end_ ABSL_GUARDED_BY(mutex_);    // after events_
};

}  // namespace heddle::controller
