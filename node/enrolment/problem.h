// What an administrator is told of a node's certificate. Pure.
#pragma once

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "identity/certificate.h"
#include "identity/credentials.h"

namespace heddle::node {

struct EnrolmentFacts {
  std::string node_id;
  std::optional<identity::Certificate> certificate;    // absent: none yet
  std::optional<identity::CredentialFiles> own_files;  // own PKI
  std::string join_file;                               // empty: none
  std::string refused;  // what a controller says that does not admit the certificate; empty: none
  std::string failure;  // why the last attempt to join or renew came to nothing
  std::string disk;     // what could not be written
  std::string trust;    // why what a controller said of its roots was left aside
};

// What to do for another ticket, for the end of a sentence.
std::string AskForTicket(const EnrolmentFacts& facts);

// One sentence or a few; empty: all is well. A failure to renew is told only when time is short.
std::string DescribeProblem(const EnrolmentFacts& facts, absl::Time now);

}  // namespace heddle::node
