#include "node/dataplane/forwarder_process.h"

#include <limits.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/program.h"
#include "base/status_macros.h"

namespace heddle::node {
namespace {

constexpr char kName[] = "heddle-forwarder";
constexpr absl::Duration kStartLimit = absl::Seconds(5), kCloseLimit = absl::Seconds(5);

// Returns when it listens: by then its first process has ended, and the forwarder is another.
absl::Status StartProgram(const ForwarderOptions& forwarder) {
  if (access(forwarder.program.c_str(), X_OK) != 0) {
    return absl::NotFoundError(absl::StrCat(
        "the udp backend needs the program ", kName, ", and there is none at '", forwarder.program,
        "': install it beside heddle-node, or say where it is with --forwarder"));
  }
  HEDDLE_RETURN_IF_ERROR(MakeFolders(FolderOf(forwarder.socket_path), 0700));
  ProgramOptions options;
  options.words = {forwarder.program, "--socket", forwarder.socket_path};
  options.time_limit = kStartLimit;
  const absl::StatusOr<ProgramEnd> end = RunProgram(options);
  const absl::Status status = end.ok() ? end->status() : end.status();
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat("cannot start ", forwarder.program, ": ", status.message()));
}

// What a forwarder is to hold that gets all of another's. The descriptors are in the order of both
// messages.
control::Request TakeAllOf(const control::State& old) {
  control::Request request;
  control::Request::Change* change = request.mutable_change();
  *change->mutable_device() = old.device();
  *change->mutable_listen() = old.listeners();
  *change->mutable_set() = old.tunnels();
  return request;
}

}  // namespace

std::string ForwarderBesideThisProgram() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
  const std::string own(path, length > 0 ? static_cast<std::size_t>(length) : 0);
  return absl::StrCat(FolderOf(own), "/", kName);
}

absl::StatusOr<ForwarderConnection> ConnectOrStart(const ForwarderOptions& options) {
  absl::StatusOr<ForwarderConnection> connection = ForwarderConnection::Open(options.socket_path);
  if (!absl::IsUnavailable(connection.status())) return connection;
  HEDDLE_RETURN_IF_ERROR(StartProgram(options));
  return ForwarderConnection::Open(options.socket_path);
}

absl::StatusOr<ForwarderConnection> ReplaceForwarder(ForwarderConnection old,
                                                     const ForwarderOptions& options) {
  control::Request request;
  request.mutable_hand_over();
  HEDDLE_ASSIGN_OR_RETURN(const ForwarderConnection::Reply reply,
                          old.Call(request, {}, ForwarderConnection::kQuestionLimit));
  HEDDLE_RETURN_IF_ERROR(old.Close(kCloseLimit));
  HEDDLE_ASSIGN_OR_RETURN(ForwarderConnection heir, ConnectOrStart(options));
  if (!reply.state.has_device()) return heir;
  std::vector<int> descriptors;
  for (const auto& descriptor : reply.descriptors) descriptors.push_back(descriptor.get());
  HEDDLE_RETURN_IF_ERROR(
      heir.Call(TakeAllOf(reply.state), descriptors, ForwarderConnection::kChangeLimit).status());
  return heir;
}

absl::StatusOr<std::string> EndForwarder(const std::string& socket_path) {
  absl::StatusOr<ForwarderConnection> connection = ForwarderConnection::Open(socket_path);
  // Where none can listen, there is none.
  if (absl::IsInvalidArgument(connection.status())) return std::string();
  if (absl::IsUnavailable(connection.status())) {
    unlink(socket_path.c_str());  // what one that was killed has left, if anything
    return std::string();
  }
  HEDDLE_RETURN_IF_ERROR(connection.status());
  // Handed over to nobody, it ends at once; let go of everything, it would wait a while for more.
  control::Request request;
  request.mutable_hand_over();
  const absl::StatusOr<ForwarderConnection::Reply> left =
      connection->Call(request, {}, ForwarderConnection::kQuestionLimit);
  if (absl::IsUnavailable(left.status())) return std::string();
  HEDDLE_RETURN_IF_ERROR(left.status());
  HEDDLE_RETURN_IF_ERROR(connection->Close(kCloseLimit));
  return left->state.has_device() ? connection->name() : std::string();
}

}  // namespace heddle::node
