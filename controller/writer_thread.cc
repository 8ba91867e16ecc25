#include "controller/writer_thread.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/status_macros.h"

namespace heddle::controller {
namespace {

// Commands and queries that may wait. What the store says is never refused: it is bounded by what
// the writer has in flight and by the store's own feed.
constexpr int kMaxWaitingJobs = 20'000;

}  // namespace

WriterThread::WriterThread(Writer::Options options, Writer::Wiring wiring,
                           std::function<void(const absl::Status&)> on_failure)
    : mailbox_(std::make_shared<Mailbox<Item>>(std::numeric_limits<std::size_t>::max())),
      waiting_jobs_(std::make_shared<std::atomic<int>>(0)),
      on_failure_(std::move(on_failure)),
      clock_(wiring.clock) {
  wiring.post = [mailbox = mailbox_](Item item) { mailbox->Post(std::move(item)); };
  writer_ = std::make_unique<Writer>(std::move(options), std::move(wiring));
}

WriterThread::~WriterThread() { Stop(); }

absl::Status WriterThread::Start() {
  HEDDLE_RETURN_IF_ERROR(writer_->Start());
  thread_ = std::thread([this] { Loop(); });
  return absl::OkStatus();
}

absl::Status WriterThread::Post(Job job) {
  if (waiting_jobs_->fetch_add(1) >= kMaxWaitingJobs) {
    waiting_jobs_->fetch_sub(1);
    return absl::UnavailableError("the controller has too many requests waiting; try again");
  }
  const bool posted = mailbox_->Post([this, job = std::move(job)] {
    waiting_jobs_->fetch_sub(1);
    job(*writer_);
  });
  if (posted) return absl::OkStatus();
  return absl::UnavailableError("the controller is ending; try another, or again");
}

void WriterThread::Stop() {
  mailbox_->Close();
  if (thread_.joinable()) thread_.join();
  writer_.reset();
}

void WriterThread::Loop() {
  bool failed = false;
  while (!mailbox_->closed()) {
    const absl::Duration wait =
        std::clamp(writer_->tick_at() - clock_->Now(), absl::ZeroDuration(), absl::Seconds(1));
    for (Item& item : mailbox_->TakeAll(wait)) item();
    if (clock_->Now() >= writer_->tick_at()) writer_->Tick();
    if (!failed && !writer_->failure().ok()) {
      failed = true;
      if (on_failure_) on_failure_(writer_->failure());
    }
  }
}

}  // namespace heddle::controller
