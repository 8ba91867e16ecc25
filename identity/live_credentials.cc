// LiveCredentials: two threads may look (its own and a caller of LookNow), one at a time; only its
// own tells.
#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <chrono>
#include <condition_variable>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "identity/credentials.h"

namespace heddle::identity {
namespace {

constexpr std::chrono::seconds kBetweenLooks{1};

// The kernel's stamps are as coarse as its ticks: a file that had just changed when it was looked
// at may have changed again since without another stamp.
constexpr absl::Duration kSettled = absl::Seconds(1);

// What tells without reading that a file is as it was.
struct Stamp {
  dev_t device;
  ino_t inode;
  off_t size_bytes;
  absl::Time modified, changed;

  friend bool operator==(const Stamp& a, const Stamp& b) {
    return a.device == b.device && a.inode == b.inode && a.size_bytes == b.size_bytes &&
           a.modified == b.modified && a.changed == b.changed;
  }
};

// Empty when one of the files is not there, or has changed just now.
std::vector<Stamp> StampsOf(const CredentialFiles& files) {
  std::vector<Stamp> stamps;
  const absl::Time settled = absl::Now() - kSettled;
  for (const std::string* path : {&files.key, &files.certificate, &files.roots}) {
    struct stat file;
    if (stat(path->c_str(), &file) != 0) return {};
    stamps.push_back({file.st_dev, file.st_ino, file.st_size, absl::TimeFromTimespec(file.st_mtim),
                      absl::TimeFromTimespec(file.st_ctim)});
    if (stamps.back().changed > settled) return {};
  }
  return stamps;
}

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
    std::vector<Stamp> stamps = StampsOf(files_);
    const bool is_judged = problem_.empty() || is_warned_;
    if (is_judged && !stamps.empty() && stamps == stamps_) return;
    stamps_ = std::move(stamps);
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
  std::vector<Stamp> stamps_ ABSL_GUARDED_BY(look_mutex_);  // before the latest reading
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
