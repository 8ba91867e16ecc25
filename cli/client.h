// The calls to a controller. Every error names the controller asked; the messages are the
// controller's own, or say that it could not be reached (Unavailable) or did not answer in time
// (DeadlineExceeded).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "api/heddle/v1/admin.pb.h"
#include "identity/credentials.h"

namespace heddle::cli {

struct ClientTerms {
  absl::Duration timeout;                            // of one call
  std::optional<identity::Credentials> credentials;  // absent: without TLS
  std::string server_name;  // that a controller must prove; empty: the host that is dialled
};

// Not thread-safe, except for CancelStream. With several controllers the first that answers is used
// for all calls; a call that may have reached a controller is never sent to another.
class AdminClient {
 public:
  AdminClient(std::vector<std::string> controllers, ClientTerms terms);
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

  absl::StatusOr<v1::CreateTokenResponse> CreateToken(const v1::CreateTokenRequest& request);
  absl::StatusOr<v1::ListTokensResponse> ListTokens();
  absl::StatusOr<v1::DeleteTokenResponse> DeleteToken(const v1::DeleteTokenRequest& request);
  absl::StatusOr<v1::IssuedCertificate> IssueCertificate(
      const v1::IssueCertificateRequest& request);
  absl::StatusOr<v1::ListCertificatesResponse> ListCertificates(
      const v1::ListCertificatesRequest& request);
  absl::StatusOr<v1::RevokeCertificateResponse> RevokeCertificate(
      const v1::RevokeCertificateRequest& request);
  absl::StatusOr<v1::AllowAddressResponse> AllowAddress(const v1::AllowAddressRequest& request);
  absl::StatusOr<v1::IssuedCertificate> Renew(const v1::RenewRequest& request);

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
