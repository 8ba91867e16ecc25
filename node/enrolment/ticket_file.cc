#include "node/enrolment/ticket_file.h"

#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "node/controller_addresses.h"

namespace heddle::node {
namespace {

// Some roots and some addresses in base64.
constexpr std::size_t kLimitBytes = 256 << 10;

}  // namespace

absl::StatusOr<std::string> ReadTicketText(const std::string& path) {
  return ReadFile(path, kLimitBytes);
}

absl::StatusOr<identity::Ticket> ParseTicket(absl::string_view text) {
  HEDDLE_ASSIGN_OR_RETURN(identity::Ticket ticket, identity::DecodeTicket(text));
  HEDDLE_ASSIGN_OR_RETURN(ticket.controllers,
                          ParseControllers(absl::StrJoin(ticket.controllers, ",")));
  return ticket;
}

absl::StatusOr<identity::Ticket> ReadTicket(const std::string& path) {
  HEDDLE_ASSIGN_OR_RETURN(const std::string text, ReadTicketText(path));
  return ParseTicket(text);
}

}  // namespace heddle::node
