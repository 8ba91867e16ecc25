// Operations as messages that wait to be sent together, and what becomes of each.
#pragma once

#include <vector>

#include "node/dataplane/dataplane.h"
#include "node/dataplane/netlink_message.h"
#include "node/dataplane/netlink_socket.h"

namespace heddle::node {

// Adds what `operation` failed with, in words that name its object.
void AddFailure(const Operation& operation, const absl::Status& status,
                std::vector<Failure>* failures);

class OperationBatch {
 public:
  // Where the messages of the next operation are added, and then said whose they are. `operation`
  // must live until Flush.
  MessageBuilder* messages() { return &messages_; }
  void Own(const Operation& operation) { owners_.resize(messages_.message_count(), &operation); }

  // Whether it is time to send: enough to make a system call's cost small, and few enough that a
  // full batch of refusals fits the receive buffer.
  bool is_full() const;
  std::size_t message_count() const { return messages_.message_count(); }

  // Sends what waits. Calls refused(operation, refusal) for each message that the kernel refused;
  // where the outcome is unknown every operation goes to `failures`.
  template <typename Refused>
  void Flush(NetlinkSocket* socket, std::vector<Failure>* failures, Refused&& refused) {
    if (messages_.empty()) return;
    const auto refusals = socket->Execute(&messages_);
    if (refusals.ok()) {
      for (const NetlinkSocket::Refusal& refusal : *refusals) {
        refused(*owners_[refusal.message], refusal);
      }
    } else {
      FailAll(refusals.status(), failures);
    }
    Clear();
  }

 private:
  void FailAll(const absl::Status& status, std::vector<Failure>* failures) const;
  void Clear();

  MessageBuilder messages_;
  std::vector<const Operation*> owners_;  // by message number
};

}  // namespace heddle::node
