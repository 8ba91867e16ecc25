// The calls to a controller. Every error names the controller asked; the messages are the
// controller's own, or say that it could not be reached (Unavailable) or did not answer in time
// (DeadlineExceeded).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "api/heddle/v1/admin.pb.h"

namespace heddle::cli {

inline constexpr int kDefaultControllerPort = 7411;

// "host", "host:port", "[v6]:port", separated by commas; the port defaults to 7411.
// InvalidArgument: nothing is named, or a port is none.
absl::StatusOr<std::vector<std::string>> ParseControllers(absl::string_view text);

// Not thread-safe, except for CancelStream. With several controllers the first that answers is used
// for all calls; a call that may have reached a controller is never sent to another.
class AdminClient {
 public:
  AdminClient(std::vector<std::string> controllers, absl::Duration timeout);
  ~AdminClient();

  // The controller that is used; "" before the first call.
  const std::string& controller() const;

  absl::StatusOr<v1::GetNetworkResponse> GetNetwork();
  absl::StatusOr<v1::SetNetworkResponse> SetNetwork(const v1::SetNetworkRequest& request);
  absl::StatusOr<v1::ListLeasesResponse> ListLeases(const v1::ListLeasesRequest& request);
  absl::StatusOr<v1::LeaseResponse> ReserveLease(const v1::ReserveLeaseRequest& request);
  absl::StatusOr<v1::LeaseResponse> ReleaseLease(const v1::ReleaseLeaseRequest& request);
  absl::StatusOr<v1::LeaseResponse> RenumberNode(const v1::RenumberNodeRequest& request);
  absl::StatusOr<v1::ListNodesResponse> ListNodes();
  absl::StatusOr<v1::RevisionResponse> AcceptRemovals(const v1::NodeRequest& request);
  absl::StatusOr<v1::RevisionResponse> RemoveNode(const v1::NodeRequest& request);
  absl::StatusOr<v1::GetStatusResponse> GetStatus();
  absl::StatusOr<v1::ListControllersResponse> ListControllers();
  // Answers when another controller leads: up to ten seconds on top of the timeout.
  absl::StatusOr<v1::StepDownResponse> StepDown();
  // Waits for as long as the request says, and the timeout on top.
  absl::StatusOr<v1::WaitAppliedResponse> WaitApplied(const v1::WaitAppliedRequest& request);

  // Calls `on_event` for each event until it answers with an error (which is returned), the stream
  // ends, or CancelStream was called (OK).
  absl::Status Watch(const v1::WatchRequest& request,
                     const std::function<absl::Status(const v1::WatchEvent&)>& on_event);
  // Has the nodes probe each other: calls `on_event` likewise. OK when all has been said.
  absl::Status Diagnose(const v1::DiagnoseRequest& request,
                        const std::function<absl::Status(const v1::DiagnoseEvent&)>& on_event);
  // Calls `on_chunk` for each piece of a backup likewise. OK when it is whole.
  absl::Status Backup(const std::function<absl::Status(const v1::FileChunk&)>& on_chunk);
  void CancelStream();  // Watch, Diagnose or Backup; from any thread, at any time
  // Sends the file at `path`; a controller that does not lead names the one that does, which is
  // asked then.
  absl::StatusOr<v1::RestoreResponse> Restore(const std::string& path, bool replace, bool dry_run);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace heddle::cli
