#include "cli/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/silent_listener.h"
#include "cli/controller_list.h"
#include "cli/fake_admin.h"
#include "cli/fake_cluster.h"

namespace heddle::cli {
namespace {

using ::testing::ElementsAre;

ClientTerms Within(absl::Duration timeout) {
  return {timeout, *identity::LoadCredentials(identity::IdentityFile(FakeAdminFile())),
          identity::kControllerServerName};
}

TEST(ParseControllers, FillsInThePort) {
  EXPECT_THAT(*ParseControllers("a, b:1 ,192.0.2.1,[2001:db8::1],[::1]:7000"),
              ElementsAre("a:7411", "b:1", "192.0.2.1:7411", "[2001:db8::1]:7411", "[::1]:7000"));
}

TEST(ParseControllers, RefusesWhatNamesNoController) {
  for (const char* text : {"", ",", "a:", "a:0", "a:65536", "a:x", ":7411", "::1", "a:1:2"}) {
    EXPECT_FALSE(ParseControllers(text).ok()) << text;
  }
}

TEST(AdminClient, TimesOut) {
  const SilentListener silent;
  AdminClient client({silent.address()}, Within(absl::Milliseconds(100)));
  const absl::Time began = absl::Now();
  const absl::Status status = client.ListNodes().status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status) || absl::IsUnavailable(status)) << status;
  EXPECT_LT(absl::Now() - began, absl::Seconds(20));
}

TEST(AdminClient, PassesOverOneThatDoesNotAnswer) {
  const SilentListener silent;
  FakeAdmin second;
  AdminClient client({silent.address(), second.address()}, Within(absl::Seconds(60)));
  const absl::Time began = absl::Now();
  EXPECT_TRUE(client.ListNodes().ok());
  EXPECT_LT(absl::Now() - began, absl::Seconds(20));
  EXPECT_EQ(client.controller(), second.address());
}

TEST(AdminClient, SendsACallToOneControllerOnly) {
  FakeAdmin first, second;
  first.state().errors["RemoveNode"] = absl::UnavailableError("the store is not writable");
  AdminClient client({first.address(), second.address()}, Within(absl::Seconds(10)));
  v1::NodeRequest request;
  request.set_node_id("host-1");
  const auto answer = client.RemoveNode(request);
  EXPECT_TRUE(absl::IsUnavailable(answer.status())) << answer.status();
  EXPECT_TRUE(second.requests().empty());
}

}  // namespace
}  // namespace heddle::cli
