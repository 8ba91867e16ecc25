// LiveCredentials: two threads may look (its own and a caller of LookNow), one at a time; only its
// own tells.
#include <spdlog/spdlog.h>

#include <chrono>
#include <condition_variable>
#include <thread>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "identity/credentials.h"

namespace heddle::identity {
namespace {

constexpr std::chrono::seconds kBetweenLooks{1};

bool AreSame(const Credentials& a, const Credentials& b) {
  return a.key_pem == b.key_pem && a.chain_pem == b.chain_pem && a.roots_pem == b.roots_pem;
}

}  // namespace

class LiveCredentials::Impl {
 public:
  Impl(const CredentialFiles& files, Credentials first)
      : files_(files),
        current_(std::make_shared<const Credentials>(std::move(first))),
        told_(current_),
        thread_([this] { Run(); }) {}

  ~Impl() {
    {
      MutexLock lock(&mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  std::shared_ptr<const Credentials> Current() const {
    MutexLock lock(&mutex_);
    return current_;
  }

  void OnChange(std::function<void(const Credentials&)> changed) {
    MutexLock lock(&mutex_);
    listeners_.push_back(std::move(changed));
  }

  void Look() {
    MutexLock looking(&look_mutex_);
    auto found = LoadCredentials(files_);
    if (!found.ok()) return Complain(found.status());
    problem_.clear();
    if (AreSame(*found, *Current())) return;
    spdlog::info("took over the credentials of {} in {}, valid until {}",
                 ToString(found->leaf.principal), files_.certificate,
                 absl::FormatTime(found->leaf.not_after, absl::UTCTimeZone()));
    {
      MutexLock lock(&mutex_);
      current_ = std::make_shared<const Credentials>(*std::move(found));
    }
    wake_.notify_one();
  }

 private:
  // Files that are just being replaced one after the other do not match for a moment: what is
  // warned of was so at two looks running.
  void Complain(const absl::Status& problem) ABSL_EXCLUSIVE_LOCKS_REQUIRED(look_mutex_) {
    if (problem_ != problem.message()) {
      problem_ = std::string(problem.message());
      is_warned_ = false;
    } else if (!is_warned_) {
      is_warned_ = true;
      spdlog::warn("the credentials stay as they were, valid until {}: {}",
                   absl::FormatTime(Current()->leaf.not_after, absl::UTCTimeZone()), problem_);
    }
  }

  void Run() {
    auto next_look = std::chrono::steady_clock::now() + kBetweenLooks;
    for (;;) {
      {
        MutexLock lock(&mutex_);
        wake_.wait_until(lock.native(), next_look, [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
          return ending_ || told_ != current_;
        });
        if (ending_) return;
      }
      Tell();
      if (std::chrono::steady_clock::now() < next_look) continue;
      Look();
      next_look = std::chrono::steady_clock::now() + kBetweenLooks;
    }
  }

  void Tell() {
    std::vector<std::function<void(const Credentials&)>> listeners;
    {
      MutexLock lock(&mutex_);
      if (told_ == current_) return;
      told_ = current_;
      listeners = listeners_;
    }
    for (const auto& changed : listeners) changed(*told_);
  }

  const CredentialFiles files_;
  Mutex look_mutex_;
  std::string problem_ ABSL_GUARDED_BY(look_mutex_);  // of the latest look; "" when it went well
  bool is_warned_ ABSL_GUARDED_BY(look_mutex_) = false;

  mutable Mutex mutex_;
  std::condition_variable wake_;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<const Credentials> current_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::function<void(const Credentials&)>> listeners_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const Credentials> told_;  // the own thread's

  std::thread thread_;  // last: it uses all of the above
};

absl::StatusOr<std::unique_ptr<LiveCredentials>> LiveCredentials::Open(
    const CredentialFiles& files) {
  auto first = LoadCredentials(files);
  if (!first.ok()) return first.status();
  return std::unique_ptr<LiveCredentials>(
      new LiveCredentials(std::make_unique<Impl>(files, *std::move(first))));
}

LiveCredentials::LiveCredentials(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
LiveCredentials::~LiveCredentials() = default;

std::shared_ptr<const Credentials> LiveCredentials::Current() const { return impl_->Current(); }

void LiveCredentials::OnChange(std::function<void(const Credentials&)> changed) {
  impl_->OnChange(std::move(changed));
}

void LiveCredentials::LookNow() { impl_->Look(); }

}  // namespace heddle::identity
