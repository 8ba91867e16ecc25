#include "tests/chaos/client.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace heddle::chaos {
namespace {

constexpr int kMostPauseMs = 60;

}  // namespace

Client::Client(int number, std::uint64_t seed, const Playground& playground, Recorder* recorder)
    : playground_(playground), random_(seed * 1000 + static_cast<std::uint64_t>(number)) {
  for (const Endpoint& controller : playground.controllers) {
    controllers_.push_back(
        std::make_unique<Asking>(absl::StrCat("client-", number), controller, recorder));
  }
  thread_ = std::thread([this] { Run(); });
}

Client::~Client() {
  stopping_ = true;
  thread_.join();
}

void Client::Run() {
  while (!stopping_) {
    ActOnce();
    absl::SleepFor(absl::Milliseconds(Below(kMostPauseMs)));
  }
}

void Client::ActOnce() {
  Asking& controller =
      *controllers_[static_cast<std::size_t>(Below(static_cast<int>(controllers_.size())))];
  if (!controller.Connects()) return;
  const int number = 1 + Below(playground_.nodes);
  const std::string node = absl::StrCat("p-", number);
  const int subnet = Below(static_cast<int>(playground_.contended_subnets.size()));
  switch (Below(10)) {
    case 0:
    case 1:
    case 2:
      controller.Attach(node, number);
      break;
    case 3:
      controller.Reserve(node, "");
      break;
    case 4:
    case 5:
      controller.Reserve(node, playground_.contended_subnets[static_cast<std::size_t>(subnet)]);
      break;
    case 6:
      controller.Release(node);
      break;
    case 7:
      controller.RemoveNode(node);
      break;
    default:
      controller.List();
  }
}

}  // namespace heddle::chaos
