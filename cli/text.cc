#include "cli/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace heddle::cli {
namespace {

// The digits at the start of `text`, without leading zeros; removes them from it.
absl::string_view TakeNumber(absl::string_view* text) {
  std::size_t end = 0;
  while (end < text->size() && absl::ascii_isdigit((*text)[end])) ++end;
  absl::string_view digits = text->substr(0, end);
  text->remove_prefix(end);
  while (digits.size() > 1 && digits[0] == '0') digits.remove_prefix(1);
  return digits;
}

}  // namespace

std::string Printable(absl::string_view text) {
  std::string out;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppend(&out, absl::StrFormat("\\x%02x", byte));
    } else {
      out += c;
    }
  }
  return out;
}

std::string AgeText(absl::Duration age) {
  static constexpr std::array<std::pair<char, std::int64_t>, 4> kUnits = {
      {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}};
  const std::int64_t seconds = std::max<std::int64_t>(0, absl::ToInt64Seconds(age));
  for (std::size_t i = 0; i + 1 < kUnits.size(); ++i) {
    const auto [unit, size] = kUnits[i];
    if (seconds < size) continue;
    const auto [next_unit, next_size] = kUnits[i + 1];
    const std::int64_t rest = seconds % size / next_size;
    std::string out = absl::StrCat(seconds / size, std::string(1, unit));
    if (rest > 0) absl::StrAppend(&out, rest, std::string(1, next_unit));
    return out;
  }
  return absl::StrCat(seconds, "s");
}

absl::StatusOr<absl::Duration> ParseLifetime(absl::string_view text) {
  absl::Duration days, rest;
  const std::size_t end = text.find('d');
  int count = 0;
  bool is_read = true;
  absl::string_view left = text;
  if (end != absl::string_view::npos) {
    is_read = absl::SimpleAtoi(text.substr(0, end), &count) && count >= 0;
    days = absl::Hours(24) * count;
    left = text.substr(end + 1);
  }
  if (!left.empty() || text.empty()) is_read = is_read && absl::ParseDuration(left, &rest);
  const absl::Duration all = days + rest;
  if (is_read && all > absl::ZeroDuration() && all < absl::Hours(24) * 36'525 &&
      absl::Trunc(all, absl::Seconds(1)) == all) {
    return all;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", Printable(text), "\" is no length of time; write it as 30d, 1h, 1h30m or 45s"));
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string SizeText(std::uint64_t bytes) {
  static constexpr std::array<const char*, 5> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB"};
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

bool NaturalLess(absl::string_view a, absl::string_view b) {
  absl::string_view left = a, right = b;
  while (!left.empty() && !right.empty()) {
    if (absl::ascii_isdigit(left[0]) && absl::ascii_isdigit(right[0])) {
      const absl::string_view x = TakeNumber(&left), y = TakeNumber(&right);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
      continue;
    }
    if (left[0] != right[0]) return left[0] < right[0];
    left.remove_prefix(1);
    right.remove_prefix(1);
  }
  if (left.empty() != right.empty()) return left.empty();
  return a < b;
}

std::string Wrapped(absl::string_view text, std::size_t columns) {
  std::string out;
  for (absl::string_view paragraph : absl::StrSplit(text, '\n')) {
    if (!out.empty()) out += '\n';
    std::size_t used = 0;
    for (absl::string_view word : absl::StrSplit(paragraph, ' ')) {
      if (used > 0 && used + 1 + word.size() > columns) {
        out += '\n';
        used = 0;
      } else if (used > 0) {
        out += ' ';
        ++used;
      }
      absl::StrAppend(&out, word);
      used += word.size();
    }
  }
  return out;
}

}  // namespace heddle::cli
