// The way into a unary call of any service: its caller is admitted, it is served here or by the
// leader, and what was done goes to the audit log, once, where it was done.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "controller/access.h"
#include "controller/leader_proxy.h"

namespace heddle::controller {

// What a call is, apart from its messages.
struct CallTerms {
  const char* action;  // the method's name
  Need need;
  LeaderProxy::Kind kind;                       // those that write are in the audit log
  std::string object = "";                      // what it is done to, for the audit log
  absl::Duration lasts = absl::ZeroDuration();  // as LeaderProxy::Serve has it
  // Asked once the caller is admitted, and before anything else is done; what it refuses is in the
  // audit log. Null: no limit.
  std::function<absl::Status(const Caller& caller)> limit = nullptr;
};

// A call whose caller was admitted, and that is to be answered here. Copies are of the same call.
struct AdmittedCall {
  Caller caller;
  std::function<void(const absl::Status&)> reply;
  // What the audit log is told when the call is replied to. The call may name the object when the
  // request does not; and, as `result`, more of a refusal than the caller is told.
  std::shared_ptr<AuditEntry> audit;
};

// Thread-safe. Everything given outlives it.
class AuthorizedCalls {
 public:
  using Here = std::function<void(const AdmittedCall&)>;

  AuthorizedCalls(const Access* access, LeaderProxy* proxy) : access_(access), proxy_(proxy) {}

  // By the leader's `method`, or `here` when this controller leads.
  template <typename Service, typename Request, typename Response>
  grpc::ServerUnaryReactor* ByLeader(const CallTerms& terms, grpc::CallbackServerContext* context,
                                     const Request* request, Response* response,
                                     LeaderProxy::Method<Service, Request, Response> method,
                                     Here here) const {
    const absl::StatusOr<Caller> caller = Enter(terms, *context);
    if (!caller.ok()) return Refuse(context, caller.status());
    const auto revision = [response] { return AnsweredRevision(*response); };
    return proxy_->Serve<Service>(
        terms.kind, *caller, context, request, response, method,
        [=, caller = *caller, here = std::move(here)](const LeaderProxy::Reply& reply) {
          here(Admitted(terms, caller, reply, revision));
        },
        terms.lasts);
  }
  // By `here`, whoever leads.
  grpc::ServerUnaryReactor* ByAny(const CallTerms& terms, grpc::CallbackServerContext* context,
                                  const Here& here) const;

 private:
  // Admits the caller, within the limit.
  absl::StatusOr<Caller> Enter(const CallTerms& terms,
                               const grpc::CallbackServerContext& context) const;
  // The end of a call that is refused; a controller that passed it on passes that back.
  static grpc::ServerUnaryReactor* Refuse(grpc::CallbackServerContext* context,
                                          const absl::Status& why);
  AdmittedCall Admitted(const CallTerms& terms, const Caller& caller, LeaderProxy::Reply reply,
                        std::function<storage::Revision()> revision) const;

  const Access* const access_;
  LeaderProxy* const proxy_;
};

}  // namespace heddle::controller
