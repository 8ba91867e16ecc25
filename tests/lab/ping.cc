#include "tests/lab/ping.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "tests/lab/time_scale.h"

namespace heddle::lab {
namespace {

constexpr absl::Duration kInterval = absl::Milliseconds(10);
constexpr absl::Duration kGrace = absl::Seconds(1);
constexpr int kPacketBytes = 84;
constexpr int kMostRequests = 60000;  // sequence numbers are 16 bits: ten minutes

}  // namespace

testing::AssertionResult Pings(const NetworkNamespace& from, const Ip& to, int packet_bytes,
                               absl::Duration limit) {
  IcmpEcho echo(from, to);
  const std::string label =
      absl::StrCat(packet_bytes, " bytes from ", from.name(), " to ", to.ToString());
  if (!echo.Send(1, packet_bytes)) {
    return testing::AssertionFailure() << "the kernel refuses to send " << label;
  }
  if (!echo.Receive(Scaled(limit))) return testing::AssertionFailure() << "no reply to " << label;
  return testing::AssertionSuccess() << label;
}

PingStream::PingStream(const NetworkNamespace& from, const Ip& to)
    : label_(absl::StrCat(from.name(), " to ", to.ToString())), echo_(from, to) {
  thread_ = std::thread([this] { Loop(); });
}

PingStream::~PingStream() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

void PingStream::Loop() {
  absl::Time next = absl::Now();
  absl::Time end = absl::InfiniteFuture();
  while (absl::Now() < end) {
    if (stopping_ && end == absl::InfiniteFuture()) end = absl::Now() + Scaled(kGrace);
    if (!stopping_ && absl::Now() >= next && sent_ < kMostRequests) {
      echo_.Send(static_cast<std::uint16_t>(sent_), kPacketBytes);  // a refused one counts as lost
      answered_.push_back(false);
      ++sent_;
      next += kInterval;
    }
    const absl::Duration pause = std::max(next - absl::Now(), absl::Milliseconds(1));
    const auto sequence = echo_.Receive(std::min(pause, kInterval));
    if (sequence && *sequence < answered_.size()) answered_[*sequence] = true;
    if (stopping_ && std::find(answered_.begin(), answered_.end(), false) == answered_.end())
      return;
  }
}

testing::AssertionResult PingStream::StopWithoutLoss() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  std::vector<std::size_t> lost;
  for (std::size_t i = 0; i < answered_.size(); ++i) {
    if (!answered_[i]) lost.push_back(i);
  }
  if (answered_.size() < 10) {
    return testing::AssertionFailure() << "only " << answered_.size() << " pings " << label_;
  }
  if (lost.empty()) return testing::AssertionSuccess();
  const std::size_t shown = std::min<std::size_t>(lost.size(), 30);
  return testing::AssertionFailure()
         << lost.size() << " of " << answered_.size() << " pings " << label_
         << " lost, at 10 ms each: " << absl::StrJoin(lost.begin(), lost.begin() + shown, " ");
}

}  // namespace heddle::lab
