// The watch command: a line per event until interrupted.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <future>
#include <sstream>
#include <streambuf>

#include "cli/fake_admin.h"
#include "cli/fake_cluster.h"
#include "cli/golden.h"
#include "cli/run.h"

namespace heddle::cli {
namespace {

using ::testing::HasSubstr;

// An output that calls back when its `count`th line has been flushed.
class LineCounter final : public std::stringbuf {
 public:
  LineCounter(int count, std::function<void()> then) : left_(count), then_(std::move(then)) {}

 protected:
  int sync() override {
    const std::string text = str();
    const auto lines = std::count(text.begin(), text.end(), '\n');
    if (!done_ && lines >= left_) {
      done_ = true;
      then_();
    }
    return 0;
  }

 private:
  const int left_;
  bool done_ = false;
  std::function<void()> then_;
};

struct Result {
  ExitCode code;
  std::string out, err;
};

Result Watch(FakeAdmin* admin, const std::string& format, int lines, std::function<void()> then) {
  const std::string address = admin->address();
  const std::string identity = FakeAdminFile();
  const char* argv[] = {"heddlectl",
                        "--controller",
                        address.c_str(),
                        "--identity",
                        identity.c_str(),
                        "watch",
                        "--after-revision",
                        "20",
                        "-o",
                        format.c_str()};
  LineCounter buffer(lines, std::move(then));
  std::istringstream in;
  std::ostream out(&buffer);
  std::ostringstream err;
  const SystemClock clock;
  const ExitCode code = Run(std::size(argv), argv, {in, out, err, false}, clock);
  return {code, buffer.str(), err.str()};
}

TEST(Watch, PrintsALinePerEventUntilInterrupted) {
  FakeAdmin admin;
  const Result result = Watch(&admin, "table", 3, [] { kill(getpid(), SIGINT); });
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  EXPECT_EQ(result.err, "");
  ExpectGolden("watch.txt", result.out);
  EXPECT_EQ(admin.requests().at(0), "Watch{after_revision: 20}");
}

TEST(Watch, PrintsOneJsonObjectPerLine) {
  FakeAdmin admin;
  const Result result = Watch(&admin, "json", 3, [] { kill(getpid(), SIGTERM); });
  EXPECT_EQ(result.code, ExitCode::kOk) << result.err;
  ExpectGolden("watch.json", result.out);
}

TEST(Watch, SaysThatTheControllerEndedTheStream) {
  FakeAdmin admin;
  std::thread stopper;
  const Result result =
      Watch(&admin, "table", 3, [&] { stopper = std::thread([&] { admin.Stop(); }); });
  stopper.join();
  EXPECT_EQ(result.code, ExitCode::kUnreachable) << result.err;
  EXPECT_THAT(result.err, HasSubstr("heddlectl: cannot watch: "));
}

TEST(Watch, RefusesAMalformedEvent) {
  FakeAdmin admin;
  admin.state().events[0].mutable_peer()->mutable_ipv4_subnet()->set_base("abc");
  const Result result = Watch(&admin, "table", 100, [] {});
  EXPECT_EQ(result.code, ExitCode::kFailure);
  EXPECT_THAT(result.err, HasSubstr("malformed"));
}

}  // namespace
}  // namespace heddle::cli
