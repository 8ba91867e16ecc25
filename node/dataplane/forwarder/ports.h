// What a forwarder was given: the queues of a device, and sockets; found out to be what they were
// called before they are used.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "node/dataplane/forwarder/change.h"
#include "node/dataplane/forwarder/descriptor.h"
#include "node/dataplane/forwarder/worker.h"

namespace heddle::node::forwarder {

struct Device {
  DeviceTerms terms;
  bool multi_queue = false;
  std::vector<Descriptor> queues;
};

struct Listener {
  ListenerTerms terms;
  std::vector<Descriptor> sockets;
};

// Takes the next ones of `descriptors` from `*next` on; InvalidArgument: one of them is something
// else. They are made non-blocking.
absl::StatusOr<Device> TakeDevice(const DeviceTerms& terms, std::vector<Descriptor>* descriptors,
                                  std::size_t* next);
absl::StatusOr<Listener> TakeListener(const ListenerTerms& terms,
                                      std::vector<Descriptor>* descriptors, std::size_t* next);

// What each of the device's workers uses. Every socket is read by one of them, whatever the numbers
// are, and every one has a socket of each family to send from.
std::vector<WorkerPorts> DealOut(const Device& device, const PerFamily<Listener>& listeners);

}  // namespace heddle::node::forwarder
