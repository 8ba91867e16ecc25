// One call that the leader answers, wherever it was asked: done here when this controller
// leads, else asked of the leader, and answered once this controller has read what the leader had.
#pragma once

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "controller/caller.h"
#include "controller/leadership.h"
#include "controller/peer_channels.h"
#include "controller/writer_thread.h"

namespace heddle::controller {

// Of the call from one controller to another: it is not to be passed on once more.
inline constexpr char kForwardedKey[] = "heddle-forwarded";
// Of its answer: who answered. Absent: it came from no controller, and nothing is known.
inline constexpr char kAnsweredKey[] = "heddle-answered";
inline constexpr char kAnsweredByLeader[] = "leader";
inline constexpr char kAnsweredByOther[] = "not-leading";

bool IsForwarded(const grpc::CallbackServerContext& context);
// Before a call is refused that no LeaderCall was made of: who passed it on is to take the refusal
// for an answer.
void MarkRefused(grpc::CallbackServerContext* context);

// Driven by LeaderProxy. Thread-safe. Ends its call exactly once; request, response and context
// live until then.
class LeaderCall final : public std::enable_shared_from_this<LeaderCall> {
 public:
  using Reply = std::function<void(const absl::Status&)>;
  enum class Kind {
    kViews,   // reads that are worth something from here, too, when nobody leads
    kReads,   // asked again when the leader is lost before it has answered
    kWrites,  // asked again only where it was surely not done
    kOnce,    // never asked again: the next leader is not who was meant
  };
  struct Wiring {
    Leadership* leadership = nullptr;
    WriterThread* writer = nullptr;
    PeerChannels* channels = nullptr;
    const Clock* clock = nullptr;
    // Has Go called when leadership is another than that, or at that time.
    std::function<void(std::shared_ptr<LeaderCall>, const Leadership::State&, absl::Time)> wait;
    std::function<void(LeaderCall*)> done;  // the call is answered
    std::function<absl::Time()> leader_awaited_until;
    std::function<std::string()> why_nobody_leads;  // for people
  };
  struct Job {
    Kind kind = Kind::kReads;
    absl::Duration lasts;  // longer than other calls
    Caller caller;         // whom the leader is told that it asks for
    grpc::CallbackServerContext* context = nullptr;
    std::function<void(Reply)> here;
    // `here` ends the call by itself, as a stream does, and never replies.
    bool hands_over = false;
    std::function<void(const absl::Status&)> finish;  // ends the call
    // Asks over the channel; the answer is kept beside the response.
    std::function<void(const std::shared_ptr<grpc::Channel>&, grpc::ClientContext*,
                       std::function<void(grpc::Status)>)>
        ask;
    std::function<storage::Revision()> answered_revision;
    std::function<void()> take_answer;  // makes the kept one the response
    std::function<bool()> may_repeat;   // false once part of an answer has been passed on
  };

  LeaderCall(const Wiring* wiring, Job job);

  // Does what can be done now. From one thread at a time.
  void Go();
  // Another leads, or nobody: a read that was asked of the former leader is asked again.
  void OnLeadership(const Leadership::State& state);
  // The controller is ending: answers, unless the answer is being made here.
  void Close(const absl::Status& why);

 private:
  enum class Phase { kWaiting, kHere, kAsking, kReading, kAnswered };

  bool Enter(Phase phase);  // false when it is answered
  bool reads() const { return job_.kind == Kind::kViews || job_.kind == Kind::kReads; }
  void DoHere();
  void HandOver();
  void OnDoneHere(const absl::Status& status);
  void OnNobodyLeads(const Leadership::State& state, absl::Time now);
  void OnFollower(const Leadership::State& state, absl::Time now);
  void Ask(const Leadership::State& state, const std::shared_ptr<grpc::Channel>& channel);
  void OnAnswer(const grpc::Status& status);
  void OnNoAnswer(const Leadership::State& asked, bool not_done, bool has_moved,
                  const absl::Status& why);
  void ReadUpTo(storage::Revision revision);
  void Wait(const Leadership::State& seen, absl::Time until);
  void Answer(const absl::Status& status);

  const Wiring& wiring_;
  const Job job_;
  const bool forwarded_;
  const absl::Time deadline_;
  absl::Time leader_until_;  // a leader is to be reached by then; Go's, as the next one
  std::string obstacle_;     // what kept it from the leader so far

  Mutex mutex_;
  Phase phase_ ABSL_GUARDED_BY(mutex_) = Phase::kWaiting;
  std::shared_ptr<grpc::ClientContext> client_ ABSL_GUARDED_BY(mutex_);  // while kAsking
  Leadership::State asked_ ABSL_GUARDED_BY(mutex_);
  bool has_moved_ ABSL_GUARDED_BY(mutex_) = false;  // who was asked leads no more
  std::optional<absl::Status> closing_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace heddle::controller
