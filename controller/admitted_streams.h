// The streams that go on for a long time after their callers were admitted: each ends when the
// certificate that was shown for it is revoked, and when that has ended and its holder has no later
// one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "controller/access.h"
#include "controller/pump.h"
#include "identity/principal.h"

namespace heddle::controller {

// At once, of one identity; of the others' calls none is held up.
inline constexpr int kMaxStreamsOfOne = 8;

// Thread-safe. Outlives every membership. No lock is held while a stream is ended.
class AdmittedStreams {
 public:
  using End = std::function<void(const absl::Status&)>;
  // A principal's newest certificate that is not revoked; none: the cluster issued none.
  struct Newest {
    std::string serial;
    absl::Time not_after;
  };
  using NewestOf = std::function<std::optional<Newest>(const identity::Principal&)>;
  using UseCertificates = std::function<void(const NewestOf&)>;
  struct Wiring {
    Access* access = nullptr;  // gets a listener here
    Pump* pump = nullptr;      // gets a task here: construct before Pump::Start
    // Calls `use` once, on whatever thread may ask for certificates, or never when the controller
    // is ending.
    std::function<void(UseCertificates use)> with_certificates;
  };
  explicit AdmittedStreams(const Wiring& wiring);

  // From now on, and until what is returned is destroyed, `end` is called once it must be: with
  // PermissionDenied (revoked), Unauthenticated (expired) or ResourceExhausted (it has
  // kMaxStreamsOfOne of others than controllers already), for the caller to read. It may be
  // called at once, on this thread; and from any thread, shortly after the membership's end, too.
  [[nodiscard]] std::shared_ptr<void> Add(const Caller& caller, absl::string_view action, End end);
  // The same for a stream that keeps its membership (Keep), and is ended by `end(*stream, why)`.
  template <typename Stream, typename EndOf>
  void Hold(const Caller& caller, absl::string_view action, const std::shared_ptr<Stream>& stream,
            EndOf end) {
    stream->Keep(
        Add(caller, action, [weak = std::weak_ptr<Stream>(stream), end](const absl::Status& why) {
          if (const std::shared_ptr<Stream> live = weak.lock()) end(*live, why);
        }));
  }

 private:
  struct Stream {
    Caller caller;
    std::string action;
    End end;
    absl::Time until;       // then it is to be looked at
    std::string relies_on;  // a later certificate that it lives on by; "" none
  };
  struct Ending {
    Stream stream;
    absl::Status why;
  };

  void OnRevoked(const std::vector<std::string>& serials);
  absl::Time OnTime(absl::Time now);
  void JudgeExpired(absl::Time now, const NewestOf& newest_of);
  using Streams = std::map<std::uint64_t, Stream>;
  Streams::iterator EraseLocked(Streams::iterator at) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool Remove(std::uint64_t id);
  static const identity::Principal* RevokedOf(const Stream& stream,
                                              const absl::flat_hash_set<std::string>& serials);
  void EndAll(const std::vector<Ending>& ending);

  const Wiring wiring_;
  Mutex mutex_;
  std::map<std::string, int> count_of_ ABSL_GUARDED_BY(mutex_);  // by identity; never 0
  std::uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<std::uint64_t, Stream> streams_ ABSL_GUARDED_BY(mutex_);
  absl::Time next_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();  // no stream's is earlier
};

}  // namespace heddle::controller
