#include "tests/chaos/churn.h"

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace heddle::chaos {
namespace {

constexpr absl::Duration kBetween = absl::Milliseconds(700);
constexpr int kMostMsAway = 3000;

}  // namespace

Churn::Churn(World* world, int first, std::uint64_t seed, Recorder* recorder)
    : world_(world), first_(first), random_(seed * 1000 + 700), recorder_(recorder) {
  for (const Endpoint& controller : world->controllers()) {
    controllers_.push_back(std::make_unique<Asking>("admin", controller, recorder));
  }
}

void Churn::StartAll() {
  for (int number = 1; number <= world_->nodes(); ++number) {
    StartNew(number);
  }
}

// A node that never was here: what it writes, a controller has told it.
void Churn::StartNew(int number) {
  const std::string& folder = world_->host(number).folder();
  std::filesystem::remove_all(folder + "/state");
  std::filesystem::remove(folder + "/subnet.env");
  unleased_[number] = absl::Now();
  world_->node(number).Start();
}

// One that remembers a subnet, and may use it before it has asked. Whether it gets it shows in the
// lists.
void Churn::StartAgain(int number) {
  unleased_[number] = absl::Now();
  WriteDown(number, Operation::Outcome::kUnknown, "");
  world_->node(number).Start();
}

void Churn::End(int number) {
  world_->node(number).process().Kill();
  if (unleased_.count(number) != 0) WriteDown(number, Operation::Outcome::kUnknown, "");
}

void Churn::WriteDown(int number, Operation::Outcome outcome, const std::string& subnet) {
  Operation operation;
  operation.kind = Operation::Kind::kAcquire;
  operation.outcome = outcome;
  operation.client = operation.node = world_->node(number).id();
  operation.subnet = subnet;
  operation.invoked = unleased_.at(number);
  operation.completed = absl::Now();
  unleased_.erase(number);
  recorder_->Add(std::move(operation));
}

void Churn::Look() {
  for (auto next = unleased_.begin(); next != unleased_.end();) {
    const int number = (next++)->first;  // WriteDown erases it
    lab::Node& node = world_->node(number);
    const auto env = node.ready() ? node.subnet_env() : std::nullopt;
    if (env) WriteDown(number, Operation::Outcome::kOk, env->subnet[Family::kV4]->ToString());
  }
}

void Churn::Step(absl::Time now) {
  Look();
  TryToRemove();
  for (auto next = away_.begin(); next != away_.end();) {
    const auto [number, back_at] = *next++;
    if (back_at > now) continue;
    away_.erase(number);
    Below(2) == 0 ? StartNew(number) : StartAgain(number);
  }
  if (now < next_ || first_ > world_->nodes()) return;
  next_ = now + kBetween;
  const int number = first_ + Below(world_->nodes() - first_ + 1);
  if (away_.count(number) != 0 || (removal_ && removal_->number == number)) return;
  switch (Below(3)) {
    case 0:
      if (removal_) break;
      ++left_;
      End(number);
      removal_ = {number, {}, now + absl::Milliseconds(Below(kMostMsAway))};
      break;
    case 1:
      ++killed_;
      End(number);
      away_[number] = now;
      break;
    default:
      Move(number);
  }
}

void Churn::TryToRemove() {
  if (!removal_) return;
  if (removal_->done.valid()) {
    if (removal_->done.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
    if (removal_->done.get()) {
      away_[removal_->number] = removal_->back_at;
      removal_.reset();
      return;
    }
  }
  Asking* controller =
      controllers_[static_cast<std::size_t>(Below(static_cast<int>(controllers_.size())))].get();
  removal_->done =
      std::async(std::launch::async, [controller, node = world_->node(removal_->number).id()] {
        return controller->Connects() && controller->RemoveNode(node);
      });
}

void Churn::Move(int number) {
  ++moves_;
  moved_.insert(number);
  world_->Move(number);
}

void Churn::BringAllBack() {
  while (removal_) {
    TryToRemove();
    absl::SleepFor(absl::Milliseconds(20));
  }
  for (const auto& [number, back_at] : away_) StartAgain(number);
  away_.clear();
}

void Churn::WriteDownAll() {
  Look();
  while (!unleased_.empty()) {
    WriteDown(unleased_.begin()->first, Operation::Outcome::kUnknown, "");
  }
}

std::string Churn::Summary() const {
  return absl::StrCat(left_, " left and came back, ", killed_, " killed, ", moves_, " moved");
}

}  // namespace heddle::chaos
