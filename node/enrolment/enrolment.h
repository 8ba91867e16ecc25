// How a node gets, keeps and renews what it proves its id with: a ticket becomes an identity file,
// which is renewed before it ends; or files of one's own PKI are followed.
//
// Nothing here touches the data plane: a node without a good certificate goes on with what its
// kernel has.
//
//   no identity, a ticket   joins; refusals and failures are tried again, and the ticket is read
//                           again each time, at once when it is another one
//   an identity file        the ticket is left alone; renewed in the last third of its life, and
//                           soon when a controller says that another root signs
//   its certificate ended   joins with the ticket, as if there were none
//   it is refused           joins with the ticket, if that is another than was joined with
//   own files               followed as they change; nothing is asked of a controller
//
// Has a thread of its own, which calls controllers and writes the files. All functions are
// thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "identity/credentials.h"
#include "node/controller_addresses.h"
#include "node/enrolment/state_files.h"
#include "node/update.h"

namespace heddle::node {

struct EnrolmentOptions {
  std::string node_id;
  std::string join_file;                               // empty: none
  std::optional<identity::CredentialFiles> own_files;  // own PKI; not with join_file
  StateFiles state;
  std::string server_name;               // as SessionOptions has it
  std::vector<std::string> controllers;  // empty: those of state.controllers, or the ticket's
  Resolve resolve = ResolveBySystem;
  // Between attempts to join; a changed ticket is seen within `look_spacing`.
  absl::Duration retry_initial = absl::Seconds(1), retry_maximum = absl::Minutes(5);
  absl::Duration look_spacing = absl::Seconds(1);
  std::uint64_t seed = 0;
};

class Enrolment {
 public:
  // FailedPrecondition: there is nothing to begin with, or an identity of another node; says what
  // to do. Anything else: a file that there is cannot be used, and why. An identity file that makes
  // no sense is no obstacle where there is a ticket.
  static absl::StatusOr<std::unique_ptr<Enrolment>> Start(EnrolmentOptions options);
  // Breaks a call off that is under way.
  ~Enrolment();

  // Null: it has not joined yet. Not null may have ended.
  std::shared_ptr<const identity::Credentials> Current() const;
  // Where to attach; empty: nobody has said yet.
  std::vector<std::string> Controllers() const;
  // One sentence for the administrator, with what to do; empty: all is well.
  std::string Problem() const;

  // What a controller says; of no effect with own files.
  void TakeTrust(Trust trust);
  // Whether controllers admit the present certificate; of another one it is of no effect.
  void TakeRefusal(const std::optional<RefusedCertificate>& refused);
  // Called on the own thread, and must not block, after any of the above may have changed. To be
  // set once.
  void OnChange(std::function<void()> changed);

 private:
  class Impl;
  explicit Enrolment(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace heddle::node
