// One way to a peer, size by size: a small packet, one of full size, and where that is lost the
// largest that is not. Pure: it says what to send and when to give up; time is an argument.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "api/probe.h"

namespace heddle::node {

class SizeSearch {
 public:
  // `full_bytes` of an IP packet; no more than kSmallPacketBytes: only the small one is sent.
  explicit SizeSearch(int full_bytes);

  // The size of the packet to send at `now`; nothing: not before due(). Call until nothing.
  std::optional<int> Next(absl::Time now);
  absl::Time due() const { return is_done() ? absl::InfiniteFuture() : due_; }
  bool is_done() const { return phase_ == Phase::kDone; }

  // A packet of `bytes` was answered, however late.
  void Answered(int bytes, absl::Duration rtt, absl::Time now);
  // The kernel refused to send it. A refusal is an end, not a reason to try again.
  void Refused(int bytes, const std::string& error, absl::Time now);

  const Probe& small() const { return small_; }
  const Probe& full() const { return full_; }
  // The largest that passed when the full size did not, exact to one byte; else 0.
  std::uint32_t largest_bytes() const;

 private:
  enum class Phase { kSmall, kFull, kSearch, kDone };
  void Begin(Phase phase, absl::Time now);
  void Lost(absl::Time now);
  void Narrow(absl::Time now);
  int Size() const;
  absl::Duration Patience() const;

  Phase phase_ = Phase::kSmall;
  int tries_ = 0;  // sent in this phase, or of this size
  absl::Time due_ = absl::InfinitePast();
  Probe small_, full_;
  int passes_ = 0, fails_ = 0;  // bounds of the search, in bytes
};

}  // namespace heddle::node
