// A join ticket in a file.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "identity/ticket.h"

namespace heddle::node {

// Its text, bounded. NotFound and others as ReadFile's.
absl::StatusOr<std::string> ReadTicketText(const std::string& path);
// InvalidArgument, without quoting it: no ticket, or one whose controllers are none.
absl::StatusOr<identity::Ticket> ParseTicket(absl::string_view text);
// Both.
absl::StatusOr<identity::Ticket> ReadTicket(const std::string& path);

}  // namespace heddle::node
