// What a hostile controller may say: it is refused, bounded or escaped.
#include "node/wire.h"

#include <gtest/gtest.h>

#include "api/convert.h"
#include "api/network.h"

namespace heddle::node {
namespace {

v1::ControllerMessage WelcomeMessage() {
  Network network;
  network.ranges[Family::kV4] =
      Range{*Prefix::Parse("10.0.0.0/16"), 24, *Ip::Parse("10.0.1.0"), *Ip::Parse("10.0.255.0")};
  network.backend.type = "alloc";
  v1::ControllerMessage message;
  message.mutable_welcome()->set_history("h");
  message.mutable_welcome()->set_heartbeat_seconds(10);
  *message.mutable_welcome()->mutable_network() = ToProto(network);
  return message;
}

TEST(Wire, AVersionIsCutAndEscaped) {
  v1::ControllerMessage message = WelcomeMessage();
  message.mutable_welcome()->set_controller_version("1\n\033[2J" + std::string(1 << 20, 'x'));
  const auto update = Decode(message);
  ASSERT_TRUE(update.ok()) << update.status();
  const std::string& version = std::get<Welcome>(*update).controller_version;
  EXPECT_EQ(version.substr(0, 10), "1\\n\\033[2J");
  EXPECT_LE(version.size(), 100u);
}

TEST(Wire, WhatIsQuotedInAReasonIsEscapedAndCut) {
  v1::ControllerMessage message = WelcomeMessage();
  v1::Backend* backend = message.mutable_welcome()->mutable_network()->mutable_backend();
  (*backend->mutable_options())["a\nb"];  // without a value
  for (const std::string& type :
       {std::string("alloc"), std::string("x\n\033y"), std::string(1 << 20, 'x')}) {
    backend->set_type(type);
    const auto update = Decode(message);
    ASSERT_EQ(update.status().code(), absl::StatusCode::kInvalidArgument);
    const std::string text(update.status().message());
    EXPECT_EQ(text.find_first_of("\n\033"), std::string::npos) << text;
    EXPECT_LE(text.size(), 2000u);
  }
}

TEST(Wire, ANodeIdThatCouldBeAPathIsRefused) {
  for (const char* id : {"../etc/passwd", "a/b", "..", "", "a b", "a\n", "$(reboot)", "A"}) {
    SCOPED_TRACE(id);
    v1::ControllerMessage message;
    message.mutable_chunk()->add_changes()->set_removed_node_id(id);
    EXPECT_EQ(Decode(message).status().code(), absl::StatusCode::kInvalidArgument);
    v1::Peer* peer = message.mutable_chunk()->mutable_changes(0)->mutable_put();
    peer->set_node_id(id);
    EXPECT_EQ(Decode(message).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(Wire, AHistoryIsBounded) {
  for (const std::string& history : {std::string(), std::string(257, 'h')}) {
    v1::ControllerMessage message = WelcomeMessage();
    message.mutable_welcome()->set_history(history);
    EXPECT_EQ(Decode(message).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(Wire, AKindThatIsNotKnownIsPassedOver) {
  const auto update = Decode(v1::ControllerMessage());
  ASSERT_TRUE(update.ok()) << update.status();
  EXPECT_TRUE(std::holds_alternative<UnknownKind>(*update));
}

}  // namespace
}  // namespace heddle::node
