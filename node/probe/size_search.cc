#include "node/probe/size_search.h"

#include <algorithm>

#include "node/probe/echo_packet.h"

namespace heddle::node {
namespace {

// A packet may be lost by chance; three of a size are not.
constexpr int kTries = 3, kSearchTries = 2;
constexpr absl::Duration kPatience = absl::Seconds(1);
// Once the round trip is known.
constexpr int kPatienceInRoundTrips = 8;
constexpr absl::Duration kLeastPatience = absl::Milliseconds(150);

}  // namespace

SizeSearch::SizeSearch(int full_bytes) : fails_(full_bytes) {
  small_.size_bytes = kSmallPacketBytes;
}

int SizeSearch::Size() const {
  switch (phase_) {
    case Phase::kSmall:
      return kSmallPacketBytes;
    case Phase::kFull:
      return static_cast<int>(full_.size_bytes);
    default:
      return (passes_ + fails_) / 2;
  }
}

absl::Duration SizeSearch::Patience() const {
  if (!small_.answered) return kPatience;
  return std::clamp(kPatienceInRoundTrips * small_.rtt, kLeastPatience, kPatience);
}

void SizeSearch::Begin(Phase phase, absl::Time now) {
  phase_ = phase;
  tries_ = 0;
  due_ = now;
  if (phase == Phase::kFull) full_.size_bytes = static_cast<std::uint32_t>(fails_);
}

std::optional<int> SizeSearch::Next(absl::Time now) {
  if (is_done() || now < due_) return std::nullopt;
  if (tries_ == (phase_ == Phase::kSearch ? kSearchTries : kTries)) {
    Lost(now);
    if (is_done()) return std::nullopt;
  }
  ++tries_;
  due_ = now + Patience();
  return Size();
}

void SizeSearch::Lost(absl::Time now) {
  switch (phase_) {
    case Phase::kSmall:
      phase_ = Phase::kDone;
      break;
    case Phase::kFull:
      passes_ = kSmallPacketBytes;
      phase_ = Phase::kSearch;
      Narrow(now);
      break;
    case Phase::kSearch:
      fails_ = Size();
      Narrow(now);
      break;
    case Phase::kDone:
      break;
  }
}

void SizeSearch::Narrow(absl::Time now) {
  Begin(fails_ - passes_ > 1 ? Phase::kSearch : Phase::kDone, now);
}

void SizeSearch::Answered(int bytes, absl::Duration rtt, absl::Time now) {
  if (is_done()) return;
  if (phase_ == Phase::kSmall && bytes == kSmallPacketBytes) {
    small_.answered = true;
    small_.rtt = rtt;
    Begin(fails_ > kSmallPacketBytes ? Phase::kFull : Phase::kDone, now);
  } else if (full_.was_probed() && bytes == static_cast<int>(full_.size_bytes)) {
    full_.answered = true;
    full_.rtt = rtt;
    phase_ = Phase::kDone;
  } else if (phase_ == Phase::kSearch && bytes > passes_) {
    passes_ = bytes;
    fails_ = std::max(fails_, passes_ + 1);
    Narrow(now);
  }
}

void SizeSearch::Refused(int bytes, const std::string& error, absl::Time now) {
  if (is_done() || bytes != Size()) return;
  if (phase_ == Phase::kSmall) small_.error = error;
  if (phase_ == Phase::kFull) full_.error = error;
  Lost(now);
}

std::uint32_t SizeSearch::largest_bytes() const {
  return full_.failed() ? static_cast<std::uint32_t>(passes_) : 0;
}

}  // namespace heddle::node
