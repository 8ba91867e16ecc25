#include "controller/controller_calls.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/container/btree_map.h"
#include "absl/strings/str_cat.h"

namespace heddle::controller {
namespace {

constexpr absl::Duration kMemberAnswersWithin = absl::Seconds(1);
constexpr absl::Duration kSuccessorWithin = absl::Seconds(10);

// By id; this controller among them, though the store may not have it.
absl::btree_map<std::string, storage::Member> MembersOf(const storage::Health& health,
                                                        const storage::Member& self) {
  absl::btree_map<std::string, storage::Member> members;
  members[self.id] = self;
  for (const storage::Member& member : health.members) members[member.id] = member;
  return members;
}

// What people are told of a member that has not answered.
std::string WhySilent(const storage::Member& member, const grpc::Status& status) {
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return absl::StrCat("it has not answered within ", absl::FormatDuration(kMemberAnswersWithin));
  }
  return absl::StrCat("it cannot be reached at ", member.address, ": ", status.error_message());
}

void FillAnswer(const storage::Member& member, const grpc::Status& status,
                v1::ControllerState* state) {
  state->set_serving(status.ok());
  if (status.ok()) {
    state->set_version(state->status().version());
  } else {
    state->clear_status();
    state->set_error(WhySilent(member, status));
  }
}

}  // namespace

// One call while its members are asked; the last answer replies.
struct ControllerCalls::Listing {
  Reply reply;
  std::atomic<int> left;
  void OnAnswer() {
    if (left.fetch_sub(1) == 1) reply(absl::OkStatus());
  }
};

void ControllerCalls::List(const Caller& caller, v1::ListControllersResponse* response,
                           Reply reply) {
  const storage::Health health = wiring_.store->Describe();
  const std::string& self_id = wiring_.leadership->self_id();
  const std::optional<storage::Member> leader = wiring_.leadership->state().leader;
  const auto members = MembersOf(health, {self_id, "", wiring_.version});
  auto listing = std::make_shared<Listing>();
  listing->reply = std::move(reply);
  listing->left = static_cast<int>(members.size());
  response->set_answered_by(self_id);
  for (const auto& [id, member] : members) {
    v1::ControllerState* state = response->add_controllers();
    state->set_id(id);
    state->set_address(member.address);
    state->set_version(member.version);
    state->set_leader(leader && leader->id == id);
  }
  int next = 0;  // the message's entries stay where they are while others are filled in
  for (const auto& [id, member] : members) {
    AskMember(caller, member, response->mutable_controllers(next++),
              [listing] { listing->OnAnswer(); });
  }
}

void ControllerCalls::AskMember(const Caller& caller, const storage::Member& member,
                                v1::ControllerState* state, std::function<void()> done) {
  if (member.id == wiring_.leadership->self_id()) {
    state->set_serving(true);
    wiring_.calls->GetStatus(state->mutable_status(), [done](const absl::Status&) { done(); });
    return;
  }
  auto context = std::make_shared<std::unique_ptr<grpc::ClientContext>>(
      std::make_unique<grpc::ClientContext>());
  (*context)->set_deadline(absl::ToChronoTime(wiring_.clock->Now() + kMemberAnswersWithin));
  NameCaller(caller, context->get());
  const auto request = std::make_shared<const v1::GetStatusRequest>();
  v1::AdminService::NewStub(wiring_.channels->To(member.address))
      ->async()
      ->GetStatus(context->get(), request.get(), state->mutable_status(),
                  [context, request, member, state, done](const grpc::Status& status) {
                    context->reset();  // it has a share of the channel: see LeaderCall::OnAnswer
                    FillAnswer(member, status, state);
                    done();
                  });
}

void ControllerCalls::StepDown(v1::StepDownResponse* response, Reply reply) {
  const std::string self_id = wiring_.leadership->self_id();
  response->set_former_leader(self_id);
  const auto another_leads = [this, self_id](const Leadership::State& state) {
    return wiring_.ending->load() || (state.leader && state.leader->id != self_id);
  };
  const auto answer = [response, reply, self_id](const Leadership::State& state) {
    if (state.leader && state.leader->id != self_id) {
      response->set_leader(state.leader->id);
      return reply(absl::OkStatus());
    }
    reply(absl::DeadlineExceededError(absl::StrCat(
        "'", self_id, "' has stepped down, but no other controller has taken the lead within ",
        absl::FormatDuration(kSuccessorWithin), ". See `heddlectl controller list`")));
  };
  const absl::Status posted = wiring_.writer->Post([this, reply, another_leads,
                                                    answer](Writer& writer) {
    const absl::Status status = writer.StepDown();
    if (!status.ok()) return reply(status);
    wiring_.proxy->WhenLeadership(wiring_.clock->Now() + kSuccessorWithin, another_leads, answer);
  });
  if (!posted.ok()) reply(posted);
}

}  // namespace heddle::controller
