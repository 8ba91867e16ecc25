// The writer's thread: all calls to the Writer run on it, one after the other.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "base/mailbox.h"
#include "controller/writer.h"

namespace heddle::controller {

class WriterThread {
 public:
  using Job = std::function<void(Writer&)>;

  // `wiring.post` is set here. `on_failure` is called once, on the writer's thread, when the writer
  // can serve no longer.
  WriterThread(Writer::Options options, Writer::Wiring wiring,
               std::function<void(const absl::Status&)> on_failure);
  // Answers no more: what waits is dropped. The store must outlive this, and must not call back
  // once this is gone and its subscription ended.
  ~WriterThread();

  // Writer::Start, then the thread.
  absl::Status Start();
  // Runs `job` on the writer's thread. Thread-safe. Unavailable: too many wait, or it is ending;
  // then `job` is never called.
  absl::Status Post(Job job);
  // Ends the thread. Idempotent.
  void Stop();

 private:
  using Item = std::function<void()>;
  void Loop();

  const std::shared_ptr<Mailbox<Item>> mailbox_;
  std::shared_ptr<std::atomic<int>> waiting_jobs_;
  const std::function<void(const absl::Status&)> on_failure_;
  const Clock* const clock_;
  std::unique_ptr<Writer> writer_;
  std::thread thread_;
};

}  // namespace heddle::controller
