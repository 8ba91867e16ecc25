// An AdminService for tests: answers from fixed state, over TLS, on a loopback port of its own. Its
// certificates are of fake_cluster.h's authority; Renew and IssueCertificate are really signed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "api/heddle/v1/admin.pb.h"
#include "base/mutex.h"

namespace heddle::cli {

// The time that the fake's answers are told at, and that tests give to Run.
inline absl::Time FakeNow() { return absl::FromUnixSeconds(1700000000); }

// What the service answers with. Set before a call; not changed during it.
struct FakeState {
  v1::GetNetworkResponse network;
  std::vector<v1::GetNetworkResponse> networks_before;  // one for each of the first calls
  v1::SetNetworkResponse set_network;
  v1::ListLeasesResponse leases;  // resting ones are left out unless asked for
  v1::ListNodesResponse nodes;
  v1::GetStatusResponse status;
  v1::ListControllersResponse controllers;
  v1::StepDownResponse step_down;
  v1::WaitAppliedResponse wait;
  std::string backup;           // the file, sent in pieces
  v1::RestoreResponse restore;  // the file that came stands in `requests` by its size
  std::string leader;           // named by a Restore that is refused; "": none
  v1::CreateTokenResponse created_token;
  v1::ListTokensResponse tokens;
  v1::ListCertificatesResponse certificates;
  v1::RevokeCertificateResponse revoked;
  absl::Duration issued_for = absl::Hours(8760);
  std::string issued_to;                       // whom Renew and IssueCertificate sign for, if not
                                               // for who asks or is asked for
  std::vector<v1::DiagnoseEvent> diagnosis;    // all are sent, then the stream ends
  std::vector<v1::WatchEvent> events;          // all are sent, then the stream stays open
  std::map<std::string, absl::Status> errors;  // by call: "ReserveLease" -> what it answers with
};

// Three nodes of a dual-stack vxlan network: ready, held with a problem elsewhere, detached. Three
// controllers: leading, cut off from the store, silent.
FakeState SampleState();
void AddTokensAndCertificates(FakeState* state);  // a part of it

class FakeAdmin {
 public:
  // `identity_file`: what it proves itself with; "" without TLS.
  explicit FakeAdmin(FakeState state = SampleState());
  FakeAdmin(FakeState state, const std::string& identity_file);
  ~FakeAdmin();

  std::string address() const;  // "127.0.0.1:port"
  FakeState& state();
  // The requests served, as "Call{text of the message}", oldest first.
  std::vector<std::string> requests() const;
  // Ends the process's open watch streams as a controller that stops does.
  void Stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace heddle::cli
