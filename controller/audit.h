// The audit log: every administrative action and every refusal, one line of JSON each, with who,
// what and at which revision. Never a secret: no ticket, no key, no pre-shared key.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/clock.h"

namespace heddle::controller {

struct AuditEntry {
  std::string who;      // "admin/alice"; "insecure" when nothing was proven; "" nobody
  std::string serial;   // of the certificate shown
  std::string from;     // remote address
  std::string through;  // the controller that forwarded it; "" none
  std::string action;   // the method's name: "ReleaseLease"
  std::string object;   // what it was done to: a node id, a serial, a prefix
  absl::Status result;
  std::uint64_t revision = 0;  // of the change, or the newest when it was made; 0: none was made
};

// Thread-safe. Refusals of one kind (who, from without the port, action) beyond ten a minute are
// counted and told once a minute, so that who is refused cannot fill the disk; and so are all those
// of further kinds once there are a thousand.
class Audit {
 public:
  // Appends to `path` (made with mode 0600; opened again after it was moved away); empty: to the
  // log, at level info, after the word "audit". Unavailable: cannot be written.
  static absl::StatusOr<std::unique_ptr<Audit>> Open(const std::string& path, const Clock* clock);
  ~Audit();  // tells what was counted

  // What cannot be written goes to the log, with why.
  void Record(const AuditEntry& entry);
  // Tells what was counted, when its minute is over; answers when to be called again.
  absl::Time OnTime(absl::Time now);

 private:
  class Impl;
  explicit Audit(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace heddle::controller
