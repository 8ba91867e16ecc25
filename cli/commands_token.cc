// token create|list|delete

#include <limits>
#include <memory>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "cli/command_line.h"
#include "cli/lookup.h"
#include "cli/text.h"
#include "cli/views.h"
#include "identity/ticket.h"

namespace heddle::cli {
namespace {

struct TokenTerms {
  std::uint32_t uses = 1;
  std::string ttl = "1h";
  std::string node_id, file;
};

// The one line that a new host joins with.
absl::StatusOr<std::string> TicketLine(const v1::Ticket& message) {
  identity::Ticket ticket;
  ticket.controllers.assign(message.controllers().begin(), message.controllers().end());
  ticket.roots_pem = message.roots_pem();
  ticket.token_id = message.token_id();
  ticket.secret = message.secret();
  std::string line = identity::EncodeTicket(ticket);
  HEDDLE_RETURN_IF_ERROR(identity::DecodeTicket(line).status());  // what no node could join with
  return line;
}

// On the standard output the ticket stands alone, so that it can be sent into a file.
ExitCode PrintTicket(Session& session, const v1::CreateTokenResponse& answer,
                     const std::string& line) {
  View view = TokenCreatedView(answer, line, "", session.Now());
  if (!IsForPeople(session.format())) return session.Print(view);
  session.console().err << Render(view, session.format()) << std::flush;
  view.lines = {line};
  return session.Print(view);
}

ExitCode CreateToken(Session& session, const TokenTerms& terms) {
  const auto ttl = ParseLifetime(terms.ttl);
  if (!ttl.ok()) return session.FailUsage(absl::StrCat("--ttl: ", ttl.status().message(), "."));
  v1::CreateTokenRequest request;
  request.set_ttl_seconds(static_cast<std::uint32_t>(absl::ToInt64Seconds(*ttl)));
  request.set_uses(terms.uses);
  request.set_node_id(terms.node_id);
  const std::string what = "cannot create a ticket";
  const auto answer = session.client().CreateToken(request);
  if (!answer.ok()) return session.Fail(what, answer.status());
  const auto line = TicketLine(answer->ticket());
  if (!line.ok()) return session.FailMalformed(what, line.status());
  if (terms.file.empty()) return PrintTicket(session, *answer, *line);
  const absl::Status written = WriteFileAtomically(terms.file, *line + "\n", 0600);
  if (!written.ok()) {
    return session.Fail(what,
                        absl::Status(written.code(), absl::StrCat(written.message(),
                                                                  ". Delete what nobody has with "
                                                                  "\"heddlectl token delete ",
                                                                  answer->token().id(), "\"")));
  }
  return session.Print(TokenCreatedView(*answer, "", terms.file, session.Now()));
}

ExitCode ListTokens(Session& session) {
  return session.Show("cannot list the tokens", session.client().ListTokens(),
                      [&](const v1::ListTokensResponse& answer) -> absl::StatusOr<View> {
                        return TokenListView(answer, session.Now());
                      });
}

ExitCode DeleteToken(Session& session, const std::string& id) {
  v1::DeleteTokenRequest request;
  request.set_id(id);
  const auto answer = session.client().DeleteToken(request);
  if (!answer.ok()) {
    return session.Fail(absl::StrCat("cannot delete token ", id),
                        SeeInstead(answer.status(), "heddlectl token list"));
  }
  return session.Print(RevisionView(
      absl::StrCat("Deleted token ", id, ": nobody can join with its ticket any more."),
      answer->revision()));
}

void AddCreate(CLI::App* token, CommandLine* line) {
  auto terms = std::make_shared<TokenTerms>();
  CLI::App* create = AddCommand(
      token, line, "create",
      "Print a join ticket: one line with which new hosts become nodes of this cluster. It holds "
      "the controllers' addresses, whom to believe, and a secret; keep it as one. The line goes to "
      "the standard output alone, and what is said of it to the standard error.",
      [terms](Session& session) { return CreateToken(session, *terms); });
  create->add_option("--uses", terms->uses, "How many nodes may join with it. The default is 1.")
      ->check(CLI::Range(1u, std::numeric_limits<std::uint32_t>::max()).description(""))
      ->type_name("N");
  create
      ->add_option("--ttl", terms->ttl,
                   "For how long it is good: 45s, 1h30m, 2d. The default is 1h, the most 30d.")
      ->type_name("TIME");
  create
      ->add_option("--node", terms->node_id,
                   "For the node of that id only, even if another host has a valid certificate "
                   "for it: so a host is replaced.")
      ->type_name(kNodeType);
  create
      ->add_option("--out", terms->file,
                   "Write the line into this file, with mode 0600, and not to the standard output.")
      ->type_name(kFileType);
}

}  // namespace

void AddTokenCommands(CommandLine* line) {
  CLI::App* token = AddGroup(&line->app, "token",
                             "Make tickets that new hosts join with, and see which are out.");
  AddCreate(token, line);
  AddListCommand(token, line, "list",
                 "List the tokens of tickets that are out, the next to expire first: for which "
                 "node, how many uses are left, until when, and who made them. Their secrets are "
                 "kept nowhere.",
                 ListTokens);
  auto id = std::make_shared<std::string>();
  CLI::App* remove = AddCommand(token, line, "delete",
                                "Delete a token, so that nobody can join with its ticket any more. "
                                "Nodes that have joined with it stay.",
                                [id](Session& session) { return DeleteToken(session, *id); });
  remove->add_option("token", *id, "The token's id.")->required()->type_name(kTokenType);
}

}  // namespace heddle::cli
