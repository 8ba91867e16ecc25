// For tests: two hosts and a forwarder on each, as they are once heddle-node has set them up.
#pragma once

#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder/forwarder.h"
#include "node/dataplane/forwarder/two_hosts.h"

namespace heddle::node::forwarder {

class ForwarderFixture : public testing::Test {
 protected:
  void Start(const Features& features, int queues = 1) {
    for (int number : {1, 2}) {
      hosts_.host(number).Open(queues);
      forwarders_[number - 1] =
          std::make_unique<Forwarder>(features, [this] { was_told_gone_ = true; });
      ASSERT_EQ(
          forwarder(number).Apply(hosts_.host(number).change(), hosts_.host(number).Descriptors()),
          absl::OkStatus());
    }
  }
  Forwarder& forwarder(int number) { return *forwarders_[number - 1]; }
  std::uint64_t CountOf(int number, Count count) {
    const control::State state = forwarder(number).Describe();
    for (const control::State::Count& one : state.counts()) {
      if (one.name() == CountName(count)) return one.value();
    }
    ADD_FAILURE() << "no count " << CountName(count);
    return 0;
  }
  // From the first host to the second one's pod. An error, unless all replies came, holds what ping
  // printed.
  absl::Status Ping(Family family, const std::string& flags) {
    const auto printed = hosts_.host(1).OutputOf(
        absl::StrCat("ping -W 2 ", flags, " ", TestHost::PodAddress(2, family).ToString()));
    if (!printed.ok() || absl::StrContains(*printed, " 0% packet loss")) return printed.status();
    return absl::DataLossError(*printed);
  }
  // What an upgrade does: another forwarder goes on with what this one had.
  void HandOver(int number) {
    auto next = std::make_unique<Forwarder>(Features(), [] {});
    std::vector<Descriptor> copies;
    for (int fd : forwarder(number).Suspend()) copies.emplace_back(dup(fd));
    const control::State state = forwarder(number).Describe();
    control::Request::Change change;
    *change.mutable_device() = state.device();
    *change.mutable_listen() = state.listeners();
    *change.mutable_set() = state.tunnels();
    ASSERT_EQ(next->Apply(change, std::move(copies)), absl::OkStatus());
    forwarders_[number - 1] = std::move(next);
  }

  TwoHosts hosts_;
  std::atomic<bool> was_told_gone_{false};

 private:
  std::unique_ptr<Forwarder> forwarders_[2];
};

}  // namespace heddle::node::forwarder
