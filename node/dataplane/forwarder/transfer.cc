#include "node/dataplane/forwarder/transfer.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "base/socket_address.h"
#include "node/dataplane/forwarder/descriptor.h"
#include "node/dataplane/forwarder/sample_packets.h"

namespace heddle::node::forwarder {
namespace {

constexpr int kLimitSeconds = 20;

Descriptor OpenStream(const TestHost& host, Family family) {
  return host.In([&] {
    Descriptor opened(socket(ToAddressFamily(family), SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval limit{kLimitSeconds, 0};
    setsockopt(opened.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(opened.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    return opened;
  });
}

absl::Status Failed(const char* what) { return absl::ErrnoToStatus(errno, what); }

}  // namespace

absl::Status Transfer(TwoHosts* hosts, Family family, std::size_t bytes) {
  const std::string sent = SamplePayload(bytes);
  const Descriptor listening = OpenStream(hosts->host(2), family);
  const Descriptor calling = OpenStream(hosts->host(1), family);
  SocketAddress from = ToSocketAddress(TestHost::PodAddress(1, family), 0);
  SocketAddress to = ToSocketAddress(TestHost::PodAddress(2, family), 0);
  if (bind(listening.get(), to.get(), to.length) != 0 || listen(listening.get(), 1) != 0 ||
      getsockname(listening.get(), to.get(), &to.length) != 0) {
    return Failed("listen");
  }
  if (bind(calling.get(), from.get(), from.length) != 0 ||
      connect(calling.get(), to.get(), to.length) != 0) {
    return Failed("connect");
  }
  const Descriptor accepted(accept(listening.get(), nullptr, nullptr));
  std::thread sender([&] {
    for (std::size_t done = 0; done < sent.size();) {
      const ssize_t n = write(calling.get(), &sent[done], sent.size() - done);
      if (n <= 0) break;
      done += static_cast<std::size_t>(n);
    }
    shutdown(calling.get(), SHUT_WR);
  });
  std::string received;
  char chunk[1 << 16];
  ssize_t n;
  while ((n = read(accepted.get(), chunk, sizeof(chunk))) > 0) received.append(chunk, n);
  sender.join();
  if (received == sent) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(received.size(), " of ", bytes, " bytes came, ",
                                          sent.compare(0, received.size(), received) == 0
                                              ? "as they were sent"
                                              : "and not as they were sent"));
}

}  // namespace heddle::node::forwarder
