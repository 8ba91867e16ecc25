// heddlectl as main() runs it, against a controller's stand-in.
#pragma once

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <vector>

#include "cli/fake_admin.h"
#include "cli/fake_cluster.h"
#include "cli/run.h"

namespace heddle::cli {

class FixedClock final : public Clock {
 public:
  absl::Time Now() const override { return FakeNow(); }
};

struct Result {
  ExitCode code;
  std::string out, err;
};

// heddlectl with these words alone.
inline Result RunWords(std::vector<std::string> words, const std::string& input = "",
                       bool interactive = false, const Clock& clock = FixedClock()) {
  words.insert(words.begin(), "heddlectl");
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());
  std::istringstream in(input);
  std::ostringstream out, err;
  const ExitCode code =
      Run(static_cast<int>(argv.size()), argv.data(), {in, out, err, interactive}, clock);
  return {code, out.str(), err.str()};
}

// As an administrator.
inline Result RunWith(const std::string& controller, std::vector<std::string> words,
                      const std::string& input = "", bool interactive = false) {
  words.insert(words.begin(), {"--controller", controller, "--identity", FakeAdminFile()});
  return RunWords(std::move(words), input, interactive);
}

class Commands : public ::testing::Test {
 protected:
  Result Run(const std::vector<std::string>& words, const std::string& input = "",
             bool interactive = false) {
    return RunWith(admin_.address(), words, input, interactive);
  }
  FakeAdmin admin_;
};

}  // namespace heddle::cli
