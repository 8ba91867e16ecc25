#include "controller/diagnose_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "api/convert_probe.h"
#include "base/status_macros.h"
#include "controller/grpc_bytes.h"
#include "controller/refused_call.h"

namespace heddle::controller {
namespace {

constexpr char kAction[] = "Diagnose";  // in the audit log
constexpr std::uint32_t kDefaultTimeoutSeconds = 20, kMaxTimeoutSeconds = 600;
// Pairs that one call has probed unless it asks for more.
constexpr std::size_t kPairs = 20'000;
constexpr std::size_t kMaxCalls = 4;
// How often a call is looked after while it runs.
constexpr absl::Duration kTick = absl::Milliseconds(100);

using Known = absl::btree_map<std::string, NodeInfo>;

// Every node with a lease or a stream.
Known KnownNodes(const LeaseBook& book, const NodeRegistry& registry) {
  Known known;
  for (NodeInfo& info : registry.List()) known[info.node_id] = std::move(info);
  for (const auto& [id, lease] : book.leases()) known[id].node_id = id;
  return known;
}

template <typename Ids>
absl::Status CheckKnown(absl::string_view field, const Ids& ids, const Known& known) {
  if (ids.size() > kMaxProbeNodes) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": at most ", kMaxProbeNodes, " can be named"));
  }
  for (const std::string& id : ids) {
    if (!known.contains(id)) {
      return absl::NotFoundError(absl::StrCat("there is no node '", absl::CHexEscape(id), "'"));
    }
  }
  return absl::OkStatus();
}

std::string WhyNot(const NodeInfo& info) {
  if (!info.attached) return "it is not attached, so it cannot be asked";
  return "its release of heddle-node cannot probe; upgrade it";
}

std::uint32_t MaxPeers(const v1::DiagnoseRequest& request, std::size_t probers, std::size_t peers) {
  if (request.max_peers() > 0) return request.max_peers();
  if (probers * peers <= kPairs) return 0;
  return static_cast<std::uint32_t>(std::max<std::size_t>(1, kPairs / probers));
}

}  // namespace

DiagnoseService::DiagnoseService(const Wiring& wiring) : wiring_(wiring) {
  wiring_.pump->Add([this](absl::Time now) { return OnTime(now); });
}

grpc::ServerWriteReactor<v1::DiagnoseEvent>* DiagnoseService::Begin(
    grpc::CallbackServerContext* context, const v1::DiagnoseRequest& request) {
  const auto caller = wiring_.access->Admit(*context, Need::kAdmin, kAction);
  if (!caller.ok()) {
    return RefusedCall<grpc::ServerWriteReactor<v1::DiagnoseEvent>>::Begin(context,
                                                                           caller.status());
  }
  auto reactor = std::make_shared<DiagnoseReactor>(wiring_.reports->Open(),
                                                   [this](DiagnoseReactor* done) { Remove(done); });
  std::size_t calls = 0;
  {
    MutexLock lock(&mutex_);
    live_.emplace(reactor.get(), reactor);
    calls = live_.size();
  }
  reactor->Begin();
  DiagnoseReactor* const raw = reactor.get();
  if (calls > kMaxCalls) {
    reactor->End(ToGrpc(absl::ResourceExhaustedError(
        "the doctor is with other administrators already; try again in a moment")));
    return raw;
  }
  const auto end_elsewhere = wiring_.proxy->ServeStream<v1::AdminService>(
      *caller, context, request, &LeaderProxy::Async<v1::AdminService>::Diagnose,
      [this, reactor, request, caller = *caller] { BeginHere(caller, reactor, request); },
      [reactor](v1::DiagnoseEvent event) { reactor->PassOn(std::move(event)); },
      [reactor](const absl::Status& status) { reactor->EndAfter(ToGrpc(status)); });
  wiring_.streams->Hold(*caller, kAction, reactor,
                        [end_elsewhere](DiagnoseReactor& live, const absl::Status& why) {
                          live.Close(ToGrpc(why));
                          end_elsewhere(why);
                        });
  return raw;
}

void DiagnoseService::BeginHere(const Caller& caller, const Reactor& reactor,
                                const v1::DiagnoseRequest& request) {
  reactor->TakeOver();
  const absl::Status posted =
      wiring_.writer->Post([this, caller, reactor, request](Writer& writer) {
        AuditEntry audit = EntryFor(caller, kAction);
        audit.object = absl::StrJoin(request.node_ids(), ",");
        audit.result = Ask(reactor, request, &writer);
        audit.revision = audit.result.ok() ? writer.book().revision() : 0;
        wiring_.access->audit()->Record(audit);
        if (!audit.result.ok()) reactor->End(ToGrpc(audit.result));
      });
  if (!posted.ok()) reactor->End(ToGrpc(posted));
}

absl::Status DiagnoseService::Ask(const Reactor& reactor, const v1::DiagnoseRequest& request,
                                  Writer* writer) {
  const Known known = KnownNodes(writer->book(), *wiring_.registry);
  HEDDLE_RETURN_IF_ERROR(CheckKnown("node_ids", request.node_ids(), known));
  HEDDLE_RETURN_IF_ERROR(CheckKnown("peer_ids", request.peer_ids(), known));
  const absl::flat_hash_set<std::string> named(request.node_ids().begin(),
                                               request.node_ids().end());
  std::vector<Diagnosis::Node> nodes;
  std::size_t probers = 0;
  for (const auto& [id, info] : known) {
    nodes.push_back({id, info.attached, named.empty() || named.contains(id)});
    probers += nodes.back().probes;
  }
  const std::size_t peers =
      request.peer_ids().empty() ? known.size() : static_cast<std::size_t>(request.peer_ids_size());
  ProbeRequest asked{reactor->request_id(), {}, MaxPeers(request, probers, peers)};
  asked.node_ids.assign(request.peer_ids().begin(), request.peer_ids().end());
  const std::uint32_t seconds =
      request.timeout_seconds() == 0 ? kDefaultTimeoutSeconds : request.timeout_seconds();
  reactor->Expect(Diagnosis(wiring_.hub->network(), nodes, asked.max_peers),
                  wiring_.clock->Now() + absl::Seconds(std::min(seconds, kMaxTimeoutSeconds)));
  for (const Diagnosis::Node& node : nodes) {
    if (!node.probes) continue;
    const NodeInfo& info = known.at(node.node_id);
    const auto stream =
        info.attached && info.can_probe ? wiring_.registry->FindStream(node.node_id) : nullptr;
    if (stream == nullptr) {
      reactor->Fail(node.node_id, WhyNot(info));
    } else {
      stream->SendProbeRequest(asked);
    }
  }
  wiring_.pump->Wake();
  return absl::OkStatus();
}

std::vector<DiagnoseService::Reactor> DiagnoseService::Live() {
  MutexLock lock(&mutex_);
  std::vector<Reactor> live;
  for (const auto& [raw, reactor] : live_) live.push_back(reactor);
  return live;
}

void DiagnoseService::Remove(DiagnoseReactor* reactor) {
  wiring_.reports->Close(reactor->request_id());
  MutexLock lock(&mutex_);
  live_.erase(reactor);
}

absl::Time DiagnoseService::OnTime(absl::Time now) {
  const std::vector<Reactor> live = Live();
  if (live.empty()) return absl::InfiniteFuture();
  for (const ProbeReports::Arrived& arrived : wiring_.reports->Take()) {
    for (const Reactor& reactor : live) reactor->Take(arrived);
  }
  for (const Reactor& reactor : live) reactor->Advance(now);
  return now + kTick;
}

void DiagnoseService::CloseAll(const absl::Status& why) {
  for (const Reactor& reactor : Live()) reactor->Close(ToGrpc(why));
}

}  // namespace heddle::controller
