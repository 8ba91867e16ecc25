#include "identity/principal.h"

#include <gtest/gtest.h>

#include <string>

namespace heddle::identity {
namespace {

using absl::string_view;

TEST(PrincipalTest, EveryRoleGoesThroughTextAndUri) {
  for (const Role role : {Role::kNode, Role::kController, Role::kAdmin, Role::kViewer}) {
    const Principal principal{role, "h1.example-net_2"};
    EXPECT_EQ(ParsePrincipal(ToString(principal)).value(), principal);
    EXPECT_EQ(PrincipalOfUri(ToUri(principal)).value(), principal);
    EXPECT_EQ(RoleOfName(RoleName(role)).value(), role);
  }
  EXPECT_EQ(ToString({Role::kNode, "h1"}), "node/h1");
  EXPECT_EQ(ToUri({Role::kController, "c1"}), "heddle://controller/c1");
}

TEST(PrincipalTest, WhatIsNoneIsRefused) {
  for (const string_view text :
       {string_view("node"), string_view(""), string_view("/"), string_view("node/"),
        string_view("/h1"), string_view("root/h1"), string_view("Node/h1"), string_view("node/H1"),
        string_view("node/h1/h2"), string_view("node//h1"), string_view("node/h 1"),
        string_view("node/h1\0", 8), string_view("node\0/h1", 8), string_view("node/h1?x"),
        string_view("node/h1#x"), string_view("node/%68"), string_view("node/../h1")}) {
    EXPECT_EQ(ParsePrincipal(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_FALSE(PrincipalOfUri("heddle://" + std::string(text)).ok()) << text;
  }
  EXPECT_TRUE(ParsePrincipal("node/" + std::string(253, 'a')).ok());
  EXPECT_FALSE(ParsePrincipal("node/" + std::string(254, 'a')).ok());
}

TEST(PrincipalTest, OtherSchemesAreRefused) {
  for (const char* uri : {"node/h1", "HEDDLE://node/h1", "heddle:node/h1", "heddle:/node/h1",
                          "https://node/h1", "heddle:///node/h1", "spiffe://heddle/node/h1"}) {
    EXPECT_FALSE(PrincipalOfUri(uri).ok()) << uri;
  }
}

TEST(PrincipalTest, MessagesQuoteHostileTextHarmlessly) {
  const auto refused = ParsePrincipal(std::string("\x1b[2Jnode\n/") + std::string(5000, 'x'));
  EXPECT_EQ(refused.status().message().find('\x1b'), string_view::npos);
  EXPECT_EQ(refused.status().message().find('\n'), string_view::npos);
  EXPECT_LT(refused.status().message().size(), 500u);
}

}  // namespace
}  // namespace heddle::identity
