#include "cli/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
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
  FakeAdmin admin;
  AdminClient client({admin.address()}, Within(absl::Milliseconds(1)));
  // A call may be answered within the millisecond; not each of many.
  absl::Status status;
  for (int i = 0; i < 1000 && status.ok(); ++i) status = client.ListNodes().status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(status) || absl::IsUnavailable(status)) << status;
}

// The first accepts connections and says nothing, as a paused process does.
TEST(AdminClient, PassesOverOneThatDoesNotAnswer) {
  const int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(at);
  ASSERT_EQ(bind(silent, reinterpret_cast<const sockaddr*>(&at), size), 0);
  ASSERT_EQ(listen(silent, 8), 0);
  ASSERT_EQ(getsockname(silent, reinterpret_cast<sockaddr*>(&at), &size), 0);
  FakeAdmin second;
  AdminClient client({absl::StrCat("127.0.0.1:", ntohs(at.sin_port)), second.address()},
                     Within(absl::Seconds(60)));
  const absl::Time began = absl::Now();
  EXPECT_TRUE(client.ListNodes().ok());
  EXPECT_LT(absl::Now() - began, absl::Seconds(20));
  EXPECT_EQ(client.controller(), second.address());
  close(silent);
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
