// A join ticket: all that a new host needs to become a node of one cluster, in one line of text.
//
//   heddle-ticket-1.<base64url of heddle.v1.Ticket>
//
// It is a secret until it is used up or has expired.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heddle::identity {

struct Ticket {
  std::vector<std::string> controllers;  // host:port
  std::string roots_pem;                 // whom to believe
  std::string token_id;                  // 16 hexadecimal digits
  std::string secret;                    // 32 bytes
};

std::string EncodeTicket(const Ticket& ticket);
// White space around it and, after the prefix, in it is passed over. InvalidArgument: no ticket, or
// one that was cut or changed; never quotes it.
absl::StatusOr<Ticket> DecodeTicket(absl::string_view text);

// What a controller keeps of a secret: its SHA-256.
std::string SecretDigest(absl::string_view secret);
// In constant time.
bool DigestsEqual(absl::string_view a, absl::string_view b);
std::string NewSecret();   // 32 random bytes
std::string NewTokenId();  // 16 hexadecimal digits

}  // namespace heddle::identity
