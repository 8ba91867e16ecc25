// The commands of docs/security.md for a PKI of one's own, run as they stand there, and a
// controller that serves with what they make.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/program.h"
#include "controller/test_stream_node.h"
#include "controller/test_tls.h"

namespace heddle::controller {
namespace {

// The commands below the comment "tested: `name`".
std::string Documented(const std::string& name) {
  const std::string page = ReadFile("docs/security.md").value_or("");
  std::string commands;
  bool is_inside = false;
  for (absl::string_view line : absl::StrSplit(page, '\n')) {
    if (is_inside && !absl::StartsWith(line, "    ")) break;
    if (is_inside) absl::StrAppend(&commands, line.substr(4), "\n");
    if (line == absl::StrCat("<!-- tested: ", name, " -->")) is_inside = true;
  }
  EXPECT_NE(commands, "") << "docs/security.md has no commands for " << name;
  return commands;
}

class OwnPkiTest : public TlsControllerTest {
 protected:
  void Run(const std::string& commands) {
    ProgramOptions options;
    options.words = {"bash", "-euo", "pipefail", "-c",
                     absl::StrCat("umask 022; cd ", folder_.path(), "\n", commands)};
    const auto end = RunProgram(options);
    ASSERT_TRUE(end.ok()) << end.status();
    ASSERT_TRUE(end->status().ok()) << end->status() << end->errors;
  }
  identity::CredentialFiles FilesOf(const std::string& name) {
    const std::string stem = folder_.path() + "/" + name;
    return {stem + ".key", stem + ".crt", folder_.path() + "/ca.crt"};
  }
};

TEST_F(OwnPkiTest, TheDocumentedCommandsMakeWhatAClusterNeeds) {
  Run(Documented("the CA"));
  Run(Documented("a controller"));
  const std::string client = Documented("a client");
  Run(client);
  Run(absl::StrReplaceAll(client, {{"node/h1", "admin/alice"}, {"h1", "alice"}}));
  Start(ControllerTlsTerms{"c1", {}, FilesOf("c1")});
  ASSERT_NE(controller_, nullptr);
  EXPECT_EQ(tls_->authority(), nullptr) << "its key is not the controller's";

  const auto node = identity::LoadCredentials(FilesOf("h1"));
  ASSERT_TRUE(node.ok()) << node.status();
  EXPECT_EQ(ToString(node->leaf.principal), "node/h1");
  const auto admin = identity::LoadCredentials(FilesOf("alice"));
  ASSERT_TRUE(admin.ok()) << admin.status();
  const grpc::Status asked = Ask(*admin);
  EXPECT_TRUE(asked.ok()) << asked.error_message();
  EXPECT_EQ(ToString(server_.principal), "controller/c1");

  // Another CA of the same name, made with the same commands, is not believed.
  const std::string first_ca = folder_.path() + "/first.crt";
  ASSERT_TRUE(WriteFileAtomically(first_ca, *ReadFile(folder_.path() + "/ca.crt"), 0644).ok());
  Run(Documented("the CA"));
  Run(absl::StrReplaceAll(client, {{"node/h1", "admin/mallory"}, {"h1", "mallory"}}));
  identity::CredentialFiles forged = FilesOf("mallory");
  forged.roots = first_ca;
  const auto mallory = identity::LoadCredentials(forged);
  ASSERT_TRUE(mallory.ok()) << mallory.status();
  EXPECT_FALSE(Ask(*mallory).ok());
}

}  // namespace
}  // namespace heddle::controller
