#include "storage/etcd/test_ports.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"

namespace heddle::storage {
namespace {

constexpr int kLowest = 10'000, kHighest = 31'999;

bool IsFree(in_addr address, int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr = address;
  at.sin_port = htons(port);
  const bool bound = bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) == 0;
  close(fd);
  return bound;
}

}  // namespace

absl::StatusOr<std::string> FreeEndpoint(const std::string& ipv4_address) {
  in_addr address{};
  if (inet_pton(AF_INET, ipv4_address.c_str(), &address) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("no IPv4 address: ", ipv4_address));
  }
  absl::BitGen random;
  for (int i = 0; i < 1000; ++i) {
    const int port = absl::Uniform(absl::IntervalClosed, random, kLowest, kHighest);
    if (IsFree(address, port)) return absl::StrCat(ipv4_address, ":", port);
  }
  return absl::ResourceExhaustedError(absl::StrCat("no free port found on ", ipv4_address));
}

}  // namespace heddle::storage
