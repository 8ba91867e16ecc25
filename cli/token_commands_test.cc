// token create|list|delete and node allow-address.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "absl/strings/match.h"
#include "base/file.h"
#include "cli/commands_fixture.h"
#include "cli/golden.h"
#include "cli/json.h"
#include "identity/ticket.h"

namespace heddle::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(Commands, TokenCreatePrintsTheTicketAlone) {
  const Result result = Run({"token", "create"});
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  ASSERT_TRUE(absl::EndsWith(result.out, "\n"));
  EXPECT_EQ(result.out.find('\n'), result.out.size() - 1);
  const auto ticket = identity::DecodeTicket(result.out);
  ASSERT_TRUE(ticket.ok()) << ticket.status();
  EXPECT_THAT(ticket->controllers, ElementsAre("192.0.2.1:7411"));
  EXPECT_EQ(ticket->secret, std::string(32, 's'));
  ExpectGolden("token_create.txt", result.err);
  EXPECT_THAT(admin_.requests(), ElementsAre("CreateToken{ttl_seconds: 3600 uses: 1}"));
}

TEST_F(Commands, TokenCreateGivesProgramsAll) {
  const Result result = Run({"token", "create", "-o", "json"});
  EXPECT_THAT(result.err, IsEmpty());
  const Json json = Json::parse(result.out);
  EXPECT_TRUE(identity::DecodeTicket(json["ticket"].get<std::string>()).ok());
  EXPECT_EQ(json["token"]["id"], "0123456789abcdef");
  EXPECT_EQ(json["controllers"][0], "192.0.2.1:7411");
  EXPECT_TRUE(json["file"].is_null());
}

TEST_F(Commands, TokenCreateWritesASecretFile) {
  const std::string file = std::string(std::getenv("TEST_TMPDIR")) + "/ticket";
  const Result result =
      Run({"token", "create", "--uses", "20", "--ttl", "1d12h", "--node", "host-9", "--out", file});
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr(file), Not(HasSubstr("heddle-ticket"))));
  EXPECT_TRUE(identity::DecodeTicket(*ReadFile(file)).ok());
  struct stat made;
  ASSERT_EQ(stat(file.c_str(), &made), 0);
  EXPECT_EQ(made.st_mode & 07777, 0600u);
  EXPECT_THAT(admin_.requests(),
              ElementsAre("CreateToken{ttl_seconds: 129600 uses: 20 node_id: \"host-9\"}"));
  const Json json = Json::parse(Run({"token", "create", "--out", file, "-o", "json"}).out);
  EXPECT_TRUE(json["ticket"].is_null()) << "it is in the file";
  EXPECT_EQ(json["file"], file);
}

TEST_F(Commands, TokenCreateNamesTheTokenWhenItsFileCannotBeWritten) {
  const Result result = Run({"token", "create", "--out", "/proc/none/ticket"});
  EXPECT_NE(result.code, ExitCode::kOk);
  EXPECT_THAT(result.err, HasSubstr("heddlectl token delete 0123456789abcdef"));
}

TEST_F(Commands, TokenCreateRefusesBeforeAsking) {
  for (const char* ttl : {"", "0", "-1h", "1", "x", "1.5s", "0s", "dh", "1h2d", "999999d"}) {
    const Result result = Run({"token", "create", std::string("--ttl=") + ttl});
    EXPECT_EQ(result.code, ExitCode::kUsage) << ttl;
  }
  EXPECT_EQ(Run({"token", "create", "--uses", "0"}).code, ExitCode::kUsage);
  EXPECT_THAT(admin_.requests(), IsEmpty());
}

TEST_F(Commands, ATicketThatNoNodeCouldUseIsMalformed) {
  admin_.state().created_token.mutable_ticket()->clear_secret();
  const Result result = Run({"token", "create"});
  EXPECT_EQ(result.code, ExitCode::kFailure);
  EXPECT_THAT(result.err, HasSubstr("is malformed"));
  EXPECT_THAT(result.out, IsEmpty());
}

TEST_F(Commands, TokenListMatchesItsGoldenText) {
  ExpectGolden("token_list.txt", Run({"token", "list"}).out);
  ExpectGolden("token_list.json", Run({"token", "list", "-o", "json"}).out);
  EXPECT_EQ(Run({"token", "list", "-o", "name"}).out, "0123456789abcdef\nfedcba9876543210\n");
  admin_.state().tokens.clear_tokens();
  EXPECT_EQ(Run({"token", "list"}).out, "No ticket is out.\n");
}

TEST_F(Commands, TokenDelete) {
  EXPECT_EQ(Run({"token", "delete", "0123456789abcdef"}).out,
            "Deleted token 0123456789abcdef: nobody can join with its ticket any more.\n");
  admin_.state().errors["DeleteToken"] = absl::NotFoundError("there is no token ffff");
  const Result result = Run({"token", "delete", "ffff"});
  EXPECT_EQ(result.code, ExitCode::kNotFound);
  EXPECT_EQ(result.err,
            "heddlectl: cannot delete token ffff: there is no token ffff; see what there is with "
            "\"heddlectl token list\".\n");
}

TEST_F(Commands, AllowAddressSendsTheAddressOfEitherFamily) {
  const Result result = Run({"node", "allow-address", "host-2", "192.0.2.7"});
  EXPECT_EQ(result.out,
            "Node host-2 may announce 192.0.2.7, whoever else does; no other node gets it.\n");
  EXPECT_EQ(Run({"node", "allow-address", "host-2", "2001:db8::7"}).code, ExitCode::kOk);
  EXPECT_EQ(Run({"node", "allow-address", "host-2", "192.0.2.0/24"}).code, ExitCode::kUsage);
  ASSERT_EQ(admin_.requests().size(), 2u);
  EXPECT_EQ(admin_.requests()[0],
            "AllowAddress{node_id: \"host-2\" address: \"\\300\\000\\002\\007\"}");
}

}  // namespace
}  // namespace heddle::cli
