#include "controller/authorized_calls.h"

#include "controller/grpc_bytes.h"

namespace heddle::controller {
namespace {

bool IsAudited(const CallTerms& terms) {
  return terms.kind == LeaderProxy::Kind::kWrites || terms.kind == LeaderProxy::Kind::kOnce;
}

}  // namespace

grpc::ServerUnaryReactor* AuthorizedCalls::ByAny(const CallTerms& terms,
                                                 grpc::CallbackServerContext* context,
                                                 const Here& here) const {
  const absl::StatusOr<Caller> caller = Enter(terms, *context);
  if (!caller.ok()) return Refuse(context, caller.status());
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  here(Admitted(
      terms, *caller, [reactor](const absl::Status& status) { reactor->Finish(ToGrpc(status)); },
      [] { return 0; }));
  return reactor;
}

absl::StatusOr<Caller> AuthorizedCalls::Enter(const CallTerms& terms,
                                              const grpc::CallbackServerContext& context) const {
  absl::StatusOr<Caller> caller = access_->Admit(context, terms.need, terms.action);
  if (!caller.ok() || terms.limit == nullptr) return caller;
  const absl::Status within = terms.limit(*caller);
  if (within.ok()) return caller;
  access_->RecordRefusal(*caller, terms.action, terms.object, within);
  return within;
}

grpc::ServerUnaryReactor* AuthorizedCalls::Refuse(grpc::CallbackServerContext* context,
                                                  const absl::Status& why) {
  MarkRefused(context);
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(why));
  return reactor;
}

AdmittedCall AuthorizedCalls::Admitted(const CallTerms& terms, const Caller& caller,
                                       LeaderProxy::Reply reply,
                                       std::function<storage::Revision()> revision) const {
  auto audit = std::make_shared<AuditEntry>(EntryFor(caller, terms.action));
  audit->object = terms.object;
  if (!IsAudited(terms)) return {caller, std::move(reply), std::move(audit)};
  auto told = [this, audit, reply = std::move(reply),
               revision = std::move(revision)](const absl::Status& status) {
    if (audit->result.ok()) audit->result = status;
    // The response is there until the reply.
    if (status.ok()) audit->revision = revision();
    access_->audit()->Record(*audit);
    reply(status);
  };
  return {caller, std::move(told), std::move(audit)};
}

}  // namespace heddle::controller
