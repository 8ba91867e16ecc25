#include "controller/diagnose_reactor.h"

#include <utility>

namespace heddle::controller {

void DiagnoseReactor::Begin() {
  self_ = shared_from_this();
  StartSendInitialMetadata();
}

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

void DiagnoseReactor::Collect() {
  for (v1::DiagnoseEvent& event : diagnosis_->TakeEvents()) events_.push_back(std::move(event));
}

void DiagnoseReactor::Advance(absl::Time now) {
  {
    MutexLock lock(&mutex_);
    if (!diagnosis_ || ending_) return;
    if (now >= deadline_) diagnosis_->FailRest("it has not answered in time");
    Collect();
  }
  Send();
}

void DiagnoseReactor::Send() {
  bool end = false;
  {
    MutexLock lock(&mutex_);
    if (writing_ || ending_ || !diagnosis_) return;
    end = events_.empty() && diagnosis_->is_done();
    if (!end) {
      if (events_.empty()) return;
      writing_event_ = std::move(events_.front());
      events_.pop_front();
      writing_ = true;
    }
  }
  if (end) {
    End(grpc::Status::OK);
  } else {
    StartWrite(&writing_event_);
  }
}

void DiagnoseReactor::End(const grpc::Status& status) {
  {
    MutexLock lock(&mutex_);
    if (ending_) return;
    ending_ = true;
    end_status_ = status;
    if (writing_) return;
    finished_ = true;
  }
  Finish(status);
}

void DiagnoseReactor::OnWriteDone(bool ok) {
  bool finish = false;
  grpc::Status status;
  {
    MutexLock lock(&mutex_);
    writing_ = false;
    if (ending_ && !finished_) {
      finish = finished_ = true;
      status = end_status_;
    }
  }
  if (finish) {
    Finish(status);
  } else if (ok) {
    Send();
  } else {
    End(grpc::Status::CANCELLED);
  }
}

void DiagnoseReactor::OnCancel() { End(grpc::Status::CANCELLED); }

void DiagnoseReactor::OnDone() {
  const std::shared_ptr<DiagnoseReactor> self = std::move(self_);
  done_(this);
}

}  // namespace heddle::controller
