#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/text.h"
#include "cli/view_parts.h"
#include "cli/views.h"

namespace heddle::cli {
namespace {

Json TokenJson(const v1::Token& token) {
  Json json;
  json["id"] = token.id();
  json["nodeId"] = token.node_id().empty() ? Json(nullptr) : Json(token.node_id());
  json["usesLeft"] = token.uses_left();
  json["uses"] = token.uses();
  json["created"] = TimeJson(token.created_unix_ms());
  json["expires"] = TimeJson(token.expires_unix_ms());
  json["createdBy"] = token.created_by();
  return json;
}

}  // namespace

View TokenListView(const v1::ListTokensResponse& answer, absl::Time now) {
  std::vector<const v1::Token*> tokens;
  for (const v1::Token& token : answer.tokens()) tokens.push_back(&token);
  std::stable_sort(tokens.begin(), tokens.end(), [](const v1::Token* a, const v1::Token* b) {
    return a->expires_unix_ms() < b->expires_unix_ms();
  });
  View view;
  view.table.columns = {{"TOKEN"},   {"NODE"},          {"USES LEFT", false, true},
                        {"EXPIRES"}, {"CREATED", true}, {"CREATED BY"}};
  view.json["revision"] = answer.revision();
  view.json["tokens"] = Json::array();
  for (const v1::Token* token : tokens) {
    view.table.rows.push_back({token->id(), token->node_id().empty() ? "any" : token->node_id(),
                               absl::StrCat(token->uses_left(), " of ", token->uses()),
                               DeadlineText(absl::FromUnixMillis(token->expires_unix_ms()), now),
                               TimeText(absl::FromUnixMillis(token->created_unix_ms())),
                               token->created_by()});
    view.json["tokens"].push_back(TokenJson(*token));
    view.names.push_back(token->id());
  }
  if (tokens.empty()) view.lines.push_back("No ticket is out.");
  return view;
}

View TokenCreatedView(const v1::CreateTokenResponse& answer, const std::string& ticket,
                      const std::string& file, absl::Time now) {
  const v1::Token& token = answer.token();
  const absl::Time expires = absl::FromUnixMillis(token.expires_unix_ms());
  View view;
  view.json["ticket"] = ticket.empty() ? Json(nullptr) : Json(ticket);
  view.json["file"] = file.empty() ? Json(nullptr) : Json(file);
  view.json["controllers"] = Json::array();
  for (const std::string& controller : answer.ticket().controllers()) {
    view.json["controllers"].push_back(controller);
  }
  view.json["token"] = TokenJson(token);
  view.json["revision"] = answer.revision();
  view.lines = {
      absl::StrCat("Ticket of token ", token.id(), file.empty() ? "" : absl::StrCat(" in ", file),
                   ": ", token.uses() == 1 ? "one use" : absl::StrCat(token.uses(), " uses"),
                   ", by ", token.node_id().empty() ? "any node" : "node " + token.node_id(),
                   ", until ", TimeText(expires), " (", DeadlineText(expires, now), ")."),
      "It is a secret until then: bring it to the new host in a file of mode 0600, and start "
      "heddle-node there with --join FILE."};
  return view;
}

}  // namespace heddle::cli
