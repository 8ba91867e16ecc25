#include "tests/lab/sanitizer_report.h"

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace heddle::lab {

std::string SanitizerReport(absl::string_view output) {
  for (const absl::string_view line : absl::StrSplit(output, '\n')) {
    for (const char* mark : {"ERROR: AddressSanitizer", "ERROR: LeakSanitizer",
                             "WARNING: ThreadSanitizer", ": runtime error: "}) {
      if (absl::StrContains(line, mark)) return std::string(line);
    }
  }
  return "";
}

void ExpectNoSanitizerReport(absl::string_view program, absl::string_view output) {
  const std::string report = SanitizerReport(output);
  if (!report.empty()) ADD_FAILURE() << program << ": " << report << "\n" << output;
}

}  // namespace heddle::lab
