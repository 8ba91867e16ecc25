#include "tests/lab/transfer.h"

#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/lab/error.h"
#include "tests/lab/socket.h"
#include "tests/lab/time_scale.h"

namespace heddle::lab {
namespace {

using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;

// Data repeat after a prime number of bytes: what arrives at another place than it was sent for is
// seen, for no packet's size divides it.
constexpr std::size_t kPeriod = 65521;
constexpr std::size_t kChunk = 65536;
constexpr absl::Duration kStraggler = absl::Milliseconds(100);
constexpr std::size_t kBufferBytes = 4 << 20;

// At offset i of a transfer is the byte at i % kPeriod; so a chunk of it can begin anywhere.
const std::string& Pattern() {
  static const auto* const pattern = [] {
    std::mt19937 random(1);
    std::string text(kPeriod, '\0');
    for (char& byte : text) byte = static_cast<char>(random());
    return new std::string(text + text + text);
  }();
  return *pattern;
}
absl::string_view PatternAt(std::size_t offset, std::size_t bytes) {
  return absl::string_view(Pattern()).substr(offset % kPeriod, bytes);
}

std::string Label(const Route& route) {
  return absl::StrCat(route.from.name(), " to ", route.destination.ToString(), ": ");
}

// Until all is sent or nothing moves any more, which the receiver finds out.
void SendPattern(const Socket& socket, std::size_t bytes) {
  for (std::size_t sent = 0; sent < bytes;) {
    const absl::string_view next = PatternAt(sent, std::min(kChunk, bytes - sent));
    const ssize_t taken = send(socket.fd(), next.data(), next.size(), MSG_NOSIGNAL);
    if (taken <= 0) return;
    sent += static_cast<std::size_t>(taken);
  }
  shutdown(socket.fd(), SHUT_WR);
}

AssertionResult ReceivePattern(const Socket& socket, std::size_t bytes) {
  std::vector<char> buffer(kChunk);
  for (std::size_t received = 0;;) {
    const ssize_t got = recv(socket.fd(), buffer.data(), buffer.size(), 0);
    if (got == 0 && received == bytes) return AssertionSuccess();
    if (got <= 0) {
      return AssertionFailure() << (got == 0 ? "ends" : std::strerror(errno)) << " after "
                                << received << " of " << bytes << " bytes";
    }
    const absl::string_view sent = PatternAt(received, static_cast<std::size_t>(got));
    if (sent != absl::string_view(buffer.data(), sent.size())) {
      return AssertionFailure() << "other bytes than were sent, after " << received;
    }
    received += static_cast<std::size_t>(got);
  }
}

// A thread that is waited for, whatever happens.
class Joined {
 public:
  explicit Joined(std::thread thread) : thread_(std::move(thread)) {}
  ~Joined() { thread_.join(); }
  Joined(const Joined&) = delete;
  Joined& operator=(const Joined&) = delete;

 private:
  std::thread thread_;
};

// A datagram begins with its number, so that it is known which one has come.
std::string Payload(std::uint32_t number, int bytes) {
  std::string payload(PatternAt(number * 977u, static_cast<std::size_t>(bytes)));
  std::memcpy(payload.data(), &number, sizeof number);
  return payload;
}

// What a filter of the sender's drops is refused with EPERM; it counts as lost.
void SendOne(const Socket& socket, const std::string& payload) {
  if (send(socket.fd(), payload.data(), payload.size(), 0) < 0 && errno != EPERM) {
    ThrowErrno(absl::StrCat("send ", payload.size(), " bytes"));
  }
}

class Burst {
 public:
  Burst(const UdpLoad& load, int number)
      : load_(load), first_(static_cast<std::uint32_t>(number * load.datagrams)) {}

  std::string PayloadOf(int index) const {
    const bool last = index + 1 == load_.datagrams;
    return Payload(first_ + static_cast<std::uint32_t>(index),
                   last ? load_.payload_bytes * 2 / 3 : load_.payload_bytes);
  }
  void Send(const Socket& socket) const {
    std::string whole;
    for (int i = 0; i < load_.datagrams; ++i) {
      const std::string payload = PayloadOf(i);
      if (load_.segmented) {
        whole += payload;
      } else {
        SendOne(socket, payload);
      }
    }
    if (load_.segmented) SendOne(socket, whole);
  }
  // How many are lost; what else is wrong is said in `result`.
  int Receive(const Socket& socket, AssertionResult* result) const {
    std::vector<bool> seen(static_cast<std::size_t>(load_.datagrams));
    int left = load_.datagrams;
    char buffer[65536];
    pollfd waiting{socket.fd(), POLLIN, 0};
    const int limit = static_cast<int>(absl::ToInt64Milliseconds(Scaled(kStraggler)));
    while (left > 0 && *result && poll(&waiting, 1, limit) > 0) {
      const ssize_t got = recv(socket.fd(), buffer, sizeof buffer, MSG_DONTWAIT);
      if (got < 0) continue;
      std::uint32_t number = 0;
      std::memcpy(&number, buffer, std::min<std::size_t>(sizeof number, got));
      const std::uint32_t index = number - first_;
      if (number < first_) continue;  // counted as lost before
      if (index >= seen.size() ||
          PayloadOf(static_cast<int>(index)) != absl::string_view(buffer, got)) {
        *result = AssertionFailure() << "a datagram of " << got << " bytes that nobody sent";
      } else if (seen[index]) {
        *result = AssertionFailure() << "datagram " << number << " came twice";
      }
      if (*result) seen[index] = true;
      --left;
    }
    return left;
  }

 private:
  const UdpLoad& load_;
  const std::uint32_t first_;
};

}  // namespace

AssertionResult TcpArrives(const Route& route, std::size_t bytes, absl::Duration patience) {
  const int domain = ToAddressFamily(route.destination.family());
  const Socket listener(route.to, domain, SOCK_STREAM), sender(route.from, domain, SOCK_STREAM);
  for (const Socket* socket : {&listener, &sender}) socket->SetTimeLimit(patience);
  listener.Bind(route.destination);
  if (listen(listener.fd(), 1) != 0) ThrowErrno("listen");
  const SocketAddress to = listener.local();
  if (connect(sender.fd(), to.get(), to.length) != 0) {
    return AssertionFailure() << Label(route) << "connect: " << std::strerror(errno);
  }
  const Socket receiver(accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  if (receiver.fd() < 0) ThrowErrno("accept");
  receiver.SetTimeLimit(patience);
  const absl::Time began = absl::Now();
  const Joined sending(std::thread([&] { SendPattern(sender, bytes); }));
  const AssertionResult result = ReceivePattern(receiver, bytes);
  if (!result) {
    shutdown(sender.fd(), SHUT_RDWR);  // its thread may be waiting
    return AssertionFailure() << Label(route) << result.message();
  }
  return AssertionSuccess() << Label(route) << bytes << " bytes in " << absl::Now() - began;
}

AssertionResult UdpArrives(const Route& route, const UdpLoad& load) {
  const int domain = ToAddressFamily(route.destination.family());
  const Socket receiver(route.to, domain, SOCK_DGRAM), sender(route.from, domain, SOCK_DGRAM);
  receiver.Set(SOL_SOCKET, SO_RCVBUF, kBufferBytes);
  receiver.Bind(route.destination);
  const SocketAddress to = receiver.local();
  if (connect(sender.fd(), to.get(), to.length) != 0) ThrowErrno(Label(route) + "connect");
  if (load.segmented) sender.Set(SOL_UDP, UDP_SEGMENT, load.payload_bytes);
  AssertionResult result = AssertionSuccess();
  int lost = 0;
  for (int number = 0; number < load.bursts && result; ++number) {
    const Burst burst(load, number);
    burst.Send(sender);
    lost += burst.Receive(receiver, &result);
    if (result && lost > load.most_lost) {
      return AssertionFailure() << Label(route) << lost << " datagrams lost, of "
                                << (number + 1) * load.datagrams;
    }
  }
  if (!result) return AssertionFailure() << Label(route) << result.message();
  return result << Label(route) << lost << " datagrams lost";
}

}  // namespace heddle::lab
