// What a node keeps of its membership in its state folder, besides the identity file.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "identity/private_key.h"

namespace heddle::node {

struct StateFiles {
  std::string identity;     // identity/credentials.h
  std::string pending_key;  // made before Join is called, gone when there is an identity of it
  std::string controllers;  // of the ticket that was used; one host:port in each line
  std::string ticket;       // the id of the ticket that was used
  std::string problem;      // why there is no good identity, in one line; absent: all is well
};
StateFiles StateFilesIn(const std::string& state_dir);

// The key that an earlier attempt to join was made with, else a new one, which is on the disk when
// this returns: a process that dies between a controller's answer and the identity file asks again
// with the same key, and is answered again. A file that is no key is replaced.
absl::StatusOr<identity::PrivateKey> LoadOrMakePendingKey(const std::string& path);
// NotFound: no file. InvalidArgument: it has no key.
absl::StatusOr<identity::PrivateKey> ReadPendingKey(const std::string& path);

// NotFound: no file. InvalidArgument: not such a file; names it.
absl::StatusOr<std::vector<std::string>> ReadControllers(const std::string& path);
absl::Status WriteControllers(const std::string& path, const std::vector<std::string>& controllers);

// An id is no secret. Empty: there is none, or it cannot be read.
std::string ReadTicketId(const std::string& path);
absl::Status WriteTicketId(const std::string& path, absl::string_view id);

// Empty: removes the file. For `heddle-node show`.
absl::Status WriteProblem(const std::string& path, absl::string_view problem);
// Empty: there is none.
std::string ReadProblem(const std::string& path);

}  // namespace heddle::node
