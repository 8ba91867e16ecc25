#include "controller/diagnose_reactor.h"

#include <utility>

namespace heddle::controller {

void DiagnoseReactor::Expect(Diagnosis diagnosis, absl::Time deadline) {
  MutexLock lock(&mutex_);
  diagnosis_.emplace(std::move(diagnosis));
  deadline_ = deadline;
}

void DiagnoseReactor::Fail(const std::string& node_id, const std::string& why) {
  MutexLock lock(&mutex_);
  if (diagnosis_) diagnosis_->Fail(node_id, why);
}

void DiagnoseReactor::Take(const ProbeReports::Arrived& arrived) {
  MutexLock lock(&mutex_);
  if (!diagnosis_) return;
  if (!arrived.report.ok()) {
    diagnosis_->Fail(arrived.node_id, std::string(arrived.report.status().message()));
  } else if (arrived.report->request_id == request_id_) {
    diagnosis_->OnReport(arrived.node_id, *arrived.report);
  }
}

void DiagnoseReactor::Advance(absl::Time now) {
  {
    MutexLock lock(&mutex_);
    if (!diagnosis_) return;
    if (now >= deadline_) diagnosis_->FailRest("it has not answered in time");
    for (v1::DiagnoseEvent& event : diagnosis_->TakeEvents()) events_.push_back(std::move(event));
  }
  Kick();
}

void DiagnoseReactor::TakeOver() {
  std::optional<grpc::Status> close;
  {
    MutexLock lock(&mutex_);
    is_here_ = true;
    close = close_;
  }
  if (close) End(*close);
}

void DiagnoseReactor::PassOn(v1::DiagnoseEvent event) {
  {
    MutexLock lock(&mutex_);
    events_.push_back(std::move(event));
  }
  Kick();
}

void DiagnoseReactor::EndAfter(const grpc::Status& status) {
  {
    MutexLock lock(&mutex_);
    end_ = status;
  }
  Kick();
}

void DiagnoseReactor::Close(const grpc::Status& status) {
  {
    MutexLock lock(&mutex_);
    if (!is_here_) {
      close_ = status;
      return;
    }
  }
  End(status);
}

DiagnoseReactor::Turn DiagnoseReactor::Next() {
  if (!events_.empty()) {
    Turn turn{std::move(events_.front()), std::nullopt};
    events_.pop_front();
    return turn;
  }
  if (end_) return {std::nullopt, end_};
  if (diagnosis_ && diagnosis_->is_done()) return {std::nullopt, grpc::Status::OK};
  return {};
}

}  // namespace heddle::controller
