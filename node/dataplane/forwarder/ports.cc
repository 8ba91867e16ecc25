#include "node/dataplane/forwarder/ports.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace heddle::node::forwarder {
namespace {

std::optional<int> Ask(int fd, int option) {
  int value = 0;
  socklen_t size = sizeof(value);
  if (getsockopt(fd, SOL_SOCKET, option, &value, &size) != 0) return std::nullopt;
  return value;
}

bool MakeNonBlocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

absl::Status CheckQueue(int fd, const DeviceTerms& terms, bool* multi_queue) {
  ifreq answer{};
  if (ioctl(fd, TUNGETIFF, &answer) != 0 || (answer.ifr_flags & IFF_TUN) == 0 ||
      (answer.ifr_flags & IFF_NO_PI) == 0 || !MakeNonBlocking(fd)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a descriptor is no queue of a TUN device without packet information"));
  }
  if (((answer.ifr_flags & IFF_VNET_HDR) != 0) != terms.vnet_header) {
    return absl::InvalidArgumentError(absl::StrCat("a queue has", terms.vnet_header ? " no" : " a",
                                                   " vnet header, against what was said"));
  }
  *multi_queue = (answer.ifr_flags & IFF_MULTI_QUEUE) != 0;
  return absl::OkStatus();
}

absl::Status CheckSocket(int fd, const ListenerTerms& terms) {
  if (Ask(fd, SO_PROTOCOL) == IPPROTO_UDP &&
      Ask(fd, SO_DOMAIN) == ToAddressFamily(terms.local.family()) && MakeNonBlocking(fd)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("a descriptor is no ", FamilyName(terms.local.family()), " UDP socket"));
}

std::vector<Descriptor> TakeSome(int count, std::vector<Descriptor>* from, std::size_t* next) {
  std::vector<Descriptor> taken;
  for (int i = 0; i < count; ++i) taken.push_back(std::move((*from)[(*next)++]));
  return taken;
}

}  // namespace

absl::StatusOr<Device> TakeDevice(const DeviceTerms& terms, std::vector<Descriptor>* descriptors,
                                  std::size_t* next) {
  Device device{terms, false, TakeSome(terms.queues, descriptors, next)};
  for (const Descriptor& queue : device.queues) {
    HEDDLE_RETURN_IF_ERROR(CheckQueue(queue.get(), terms, &device.multi_queue));
  }
  return device;
}

absl::StatusOr<Listener> TakeListener(const ListenerTerms& terms,
                                      std::vector<Descriptor>* descriptors, std::size_t* next) {
  Listener listener{terms, TakeSome(terms.sockets, descriptors, next)};
  for (const Descriptor& socket : listener.sockets) {
    HEDDLE_RETURN_IF_ERROR(CheckSocket(socket.get(), terms));
  }
  return listener;
}

std::vector<WorkerPorts> DealOut(const Device& device, const PerFamily<Listener>& listeners) {
  const std::size_t workers = device.queues.size();
  std::vector<WorkerPorts> ports(workers);
  for (std::size_t i = 0; i < workers; ++i) {
    ports[i].tun = device.queues[i].get();
    ports[i].vnet_header = device.terms.vnet_header;
  }
  listeners.ForEach([&](Family family, const Listener& listener) {
    const std::vector<Descriptor>& sockets = listener.sockets;
    for (std::size_t i = 0; i < workers; ++i) {
      ports[i].send[family] = sockets[i % sockets.size()].get();
    }
    for (std::size_t i = 0; i < sockets.size(); ++i) {
      ports[i % workers].receive.push_back(sockets[i].get());
    }
  });
  return ports;
}

}  // namespace heddle::node::forwarder
