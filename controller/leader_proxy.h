// Calls that the leader answers, of whatever service and from whatever controller they are asked
// of.
//
// Here when this controller leads; else the leader is asked, and what it says is answered once this
// controller has read the revision of it. While nobody leads, callers wait up to ten seconds since
// the last leader was lost; then changes are refused and views answered with what is known here.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "api/heddle/v1/admin.grpc.pb.h"
#include "controller/grpc_bytes.h"
#include "controller/leader_call.h"
#include "controller/pump.h"
#include "controller/stream_relay.h"

namespace heddle::controller {

// The revision at which an answer is so; 0: it says nothing of the book.
template <typename Response>
storage::Revision AnsweredRevision(const Response& response) {
  return response.revision();
}
inline storage::Revision AnsweredRevision(const v1::StepDownResponse&) { return 0; }

// Thread-safe. Everything in the wiring outlives it; the gRPC server ends before it does.
class LeaderProxy {
 public:
  using Kind = LeaderCall::Kind;
  using Reply = LeaderCall::Reply;
  struct Wiring {
    storage::Store* store = nullptr;
    Leadership* leadership = nullptr;  // gets a listener here: construct before its first Set
    WriterThread* writer = nullptr;
    PeerChannels* channels = nullptr;
    Pump* pump = nullptr;  // gets a task here: construct before Pump::Start
    const Clock* clock = nullptr;
  };
  // Where a service's stub has its calls.
  template <typename Service>
  using Async = typename Service::StubInterface::async_interface;
  template <typename Service, typename Request, typename Response>
  using Method = void (Async<Service>::*)(grpc::ClientContext*, const Request*, Response*,
                                          std::function<void(grpc::Status)>);
  template <typename Service, typename Request, typename Event>
  using StreamMethod = void (Async<Service>::*)(grpc::ClientContext*, const Request*,
                                                grpc::ClientReadReactor<Event>*);

  explicit LeaderProxy(const Wiring& wiring);

  // Serves a unary call of `Service`: through `here`, which fills the response, or by the leader's
  // `method`, on behalf of `caller`. `lasts`: how much longer than others the call may take by its
  // nature.
  template <typename Service, typename Request, typename Response>
  grpc::ServerUnaryReactor* Serve(Kind kind, const Caller& caller,
                                  grpc::CallbackServerContext* context, const Request* request,
                                  Response* response, Method<Service, Request, Response> method,
                                  std::function<void(Reply)> here,
                                  absl::Duration lasts = absl::ZeroDuration()) {
    auto answer = std::make_shared<Response>();
    LeaderCall::Job job;
    job.kind = kind;
    job.lasts = lasts;
    job.caller = caller;
    job.context = context;
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    job.finish = [reactor](const absl::Status& status) { reactor->Finish(ToGrpc(status)); };
    job.here = std::move(here);
    job.ask = [request, answer, method](const std::shared_ptr<grpc::Channel>& channel,
                                        grpc::ClientContext* client,
                                        std::function<void(grpc::Status)> done) {
      const auto stub = Service::NewStub(channel);
      (stub->async()->*method)(
          client, request, answer.get(),
          [done = std::move(done)](const grpc::Status& status) { done(status); });
    };
    job.answered_revision = [answer] { return AnsweredRevision(*answer); };
    job.take_answer = [answer, response] { response->Swap(answer.get()); };
    job.may_repeat = [] { return true; };
    Begin(std::move(job));
    return reactor;
  }

  // Serves a call that answers with a stream: `here` takes it over, or the events of the leader's
  // `method` are passed on and `finish` ends it. The call's context lives until one of the two.
  // What is returned ends it early, unless it was taken over here.
  template <typename Service, typename Request, typename Event, typename PassOn>
  std::function<void(const absl::Status&)> ServeStream(
      const Caller& caller, grpc::CallbackServerContext* context, const Request& request,
      StreamMethod<Service, Request, Event> method, std::function<void()> here, PassOn pass_on,
      std::function<void(const absl::Status&)> finish) {
    auto passed_on = std::make_shared<std::atomic<bool>>(false);
    LeaderCall::Job job;
    job.kind = Kind::kReads;
    job.lasts = absl::InfiniteDuration();
    job.caller = caller;
    job.context = context;
    job.hands_over = true;
    job.here = [here = std::move(here)](const Reply&) { here(); };
    job.finish = std::move(finish);
    job.ask = [request = std::make_shared<const Request>(request), pass_on = std::move(pass_on),
               passed_on,
               method](const std::shared_ptr<grpc::Channel>& channel, grpc::ClientContext* client,
                       std::function<void(grpc::Status)> done) {
      const auto stub = Service::NewStub(channel);
      auto* relay = new StreamRelay<Event>(
          [pass_on, passed_on](Event event) {
            *passed_on = true;
            pass_on(std::move(event));
          },
          [request, done = std::move(done)](const grpc::Status& status) { done(status); });
      (stub->async()->*method)(client, request.get(), relay);
      relay->Begin();
    };
    job.answered_revision = [] { return 0; };
    job.take_answer = [] {};
    job.may_repeat = [passed_on] { return !*passed_on; };
    return [weak = std::weak_ptr<LeaderCall>(Begin(std::move(job)))](const absl::Status& why) {
      if (const Call call = weak.lock()) call->Close(why);
    };
  }

  // Calls `act` once, on the pump's thread: as soon as the state `is_enough`, or with what it is at
  // `deadline`. Never once the pump has stopped.
  void WhenLeadership(absl::Time deadline, std::function<bool(const Leadership::State&)> is_enough,
                      std::function<void(const Leadership::State&)> act);
  // When to give up waiting for somebody to lead; and then the words for it.
  absl::Time LeaderAwaitedUntil();
  std::string WhyNobodyLeads();
  // Answers every call that waits, saying why.
  void CloseAll(const absl::Status& why);

 private:
  using Call = std::shared_ptr<LeaderCall>;
  struct Waiting {
    absl::Time until;
    std::function<bool(const Leadership::State&)> is_enough;
    std::function<void(const Leadership::State&)> act;
  };

  Call Begin(LeaderCall::Job job);
  std::vector<Call> Live();
  void OnLeadership(const Leadership::State& state);
  absl::Time OnTime(absl::Time now);

  const Wiring wiring_;
  const LeaderCall::Wiring call_wiring_;
  Mutex mutex_;
  std::vector<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<LeaderCall*, Call> live_ ABSL_GUARDED_BY(mutex_);
  absl::Time leaderless_since_ ABSL_GUARDED_BY(mutex_);  // while the role is not known
};

}  // namespace heddle::controller
