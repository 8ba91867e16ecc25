// The net-conf.json that a controller was started with: taken over when it is new to the store,
// never against what was set since.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "api/network.h"
#include "controller/writer.h"

namespace heddle::controller {

// Immutable; copies go along with what is posted to the writer.
class NetConfFile {
 public:
  // `name` is for messages. InvalidArgument, Unimplemented: what is wrong with it, by its name.
  // Logs what the user should know of it.
  static absl::StatusOr<NetConfFile> Parse(std::string name, std::string json);

  // Makes it the network unless it was the file of an earlier start; a writer that does not lead
  // yet waits for it. FailedPrecondition: leases are in the way, or the backend is not built.
  // `done` is called once, on the writer's thread, which is the caller's.
  void TakeOver(Writer& writer, std::function<void(absl::Status)> done) const;

  // For one of several controllers, when it is elected: the same, unless the store has got another
  // file since `digest_at_start`. A controller that started later brought that one, and it stands.
  void TakeOverAsLeader(Writer& writer, std::uint64_t digest_at_start) const;

 private:
  NetConfFile(std::string name, std::string json, Network network, std::uint64_t digest);
  absl::Status Refused(bool replaces, const absl::Status& why) const;

  std::string name_;
  std::string json_;
  Network network_;
  std::uint64_t digest_;
};

}  // namespace heddle::controller
