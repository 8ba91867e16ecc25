// A session driven in real time against controllers that play by a script.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api/convert.h"
#include "base/mailbox.h"
#include "node/fake_controller.h"
#include "node/session.h"

namespace heddle::node {

inline Network TestNetwork() {
  Network network;
  network.ranges[Family::kV4] =
      Range{*Prefix::Parse("10.0.0.0/16"), 24, *Ip::Parse("10.0.1.0"), *Ip::Parse("10.0.255.0")};
  network.backend.type = "alloc";
  return network;
}

inline v1::ControllerMessage WelcomeMessage(int heartbeat_seconds = 10) {
  v1::ControllerMessage message;
  message.mutable_welcome()->set_history("h");
  *message.mutable_welcome()->mutable_network() = ToProto(TestNetwork());
  message.mutable_welcome()->set_heartbeat_seconds(heartbeat_seconds);
  return message;
}

inline v1::ControllerMessage HeartbeatMessage(std::uint64_t revision) {
  v1::ControllerMessage message;
  message.mutable_heartbeat()->set_revision(revision);
  return message;
}

// Drives a session as the agent does, in real time.
class SessionFixture : public testing::Test {
 protected:
  SessionFixture() {
    options_.insecure = true;
    options_.node_id = "node-1";
    options_.instance_id = "instance";
    options_.software_version = "test";
    options_.retry_initial = absl::Milliseconds(20);
    options_.retry_maximum = absl::Milliseconds(100);
  }
  void Start(std::vector<std::string> controllers) {
    options_.controllers = std::move(controllers);
    session_.reset();
    events_.TakeAll(absl::ZeroDuration());
    session_ = std::make_unique<Session>(
        options_, [this](SessionEvent event) { events_.Post(std::move(event)); },
        [this] { return resume_; });
  }

  // Runs until `done` or five seconds have passed; true when done.
  bool RunUntil(const std::function<bool()>& done) {
    const absl::Time end = absl::Now() + absl::Seconds(5);
    while (absl::Now() < end) {
      if (done()) return true;
      session_->Tick(absl::Now() + skew_);
      for (SessionEvent& event : events_.TakeAll(absl::Milliseconds(5))) {
        auto update = session_->Handle(std::move(event), absl::Now() + skew_);
        if (!update) continue;
        updates_.push_back(*std::move(update));
        session_->Next();
      }
    }
    return done();
  }

  SessionOptions options_;
  Mailbox<SessionEvent> events_{1000};
  std::deque<Update> updates_;
  Resume resume_;
  absl::Duration skew_;
  std::unique_ptr<Session> session_;  // last: its threads post to events_
};

// Reads until the node ends the stream.
inline void Drain(FakeController::Wire* wire) {
  v1::NodeMessage message;
  while (wire->Read(&message)) {
  }
}

}  // namespace heddle::node
