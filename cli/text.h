// Small pure functions from values to the words a user reads, and back from flags.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace heddle::cli {

// `text` with control characters as "\n", "\t" or "\xNN": what comes from the network must not
// steer the terminal.
std::string Printable(absl::string_view text);

// The two largest units of a duration, truncated: "0s", "59s", "3m20s", "2h5m", "12d3h". Negative
// durations (clocks differ) read "0s".
std::string AgeText(absl::Duration age);

// The reverse for flags, of one or more units down from days: "30d", "1h", "1h30m", "45s".
// InvalidArgument: it is none, or not a whole number of seconds above zero.
absl::StatusOr<absl::Duration> ParseLifetime(absl::string_view text);

// "2024-05-01T12:00:00Z", with milliseconds left out.
std::string TimeText(absl::Time time);

// Bytes in the largest binary unit that keeps the number at 1 or more: "512 B", "1.5 MiB".
std::string SizeText(std::uint64_t bytes);

// Whether `a` comes before `b` when runs of digits count as numbers: node-2 before node-10. Ties
// (node-2, node-02) fall back to the plain order, so the order is total.
bool NaturalLess(absl::string_view a, absl::string_view b);

// `text` broken at spaces into lines of at most `columns` characters; longer words stand alone.
std::string Wrapped(absl::string_view text, std::size_t columns);

}  // namespace heddle::cli
