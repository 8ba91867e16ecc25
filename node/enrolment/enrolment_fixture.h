// A node's enrolment on a scratch folder, against a controller that signs.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "node/enrolment/enrolment.h"
#include "node/enrolment/fake_identity.h"

namespace heddle::node {

class EnrolmentFixture : public testing::Test {
 protected:
  EnrolmentFixture() {
    options_.node_id = "h1";
    options_.join_file = folder_ + "/ticket";
    options_.state = StateFilesIn(folder_ + "/state");
    options_.server_name = identity::kControllerServerName;
    options_.retry_initial = absl::Milliseconds(20);
    options_.look_spacing = absl::Milliseconds(20);
  }

  void WriteTicket(const identity::Ticket& ticket) {
    Write(options_.join_file, identity::EncodeTicket(ticket) + "\n");
  }
  static void Write(const std::string& path, const std::string& content) {
    const absl::Status written = WriteFileAtomically(path, content, 0600);
    ASSERT_TRUE(written.ok()) << written;
  }
  void WriteIdentity(const identity::Credentials& credentials) {
    const absl::Status written = identity::WriteIdentityFile(options_.state.identity, credentials);
    ASSERT_TRUE(written.ok()) << written;
  }
  void Start() {
    auto started = Enrolment::Start(options_);
    ASSERT_TRUE(started.ok()) << started.status();
    enrolment_ = *std::move(started);
  }
  static bool Within(absl::Duration time, const std::function<bool()>& done) {
    const absl::Time end = absl::Now() + time;
    while (absl::Now() < end) {
      if (done()) return true;
      absl::SleepFor(absl::Milliseconds(5));
    }
    return done();
  }
  static bool Soon(const std::function<bool()>& done) { return Within(absl::Seconds(10), done); }
  bool ProblemHas(const std::string& words) {
    return Soon([&] { return enrolment_->Problem().find(words) != std::string::npos; });
  }
  std::string Serial() const {
    const auto current = enrolment_->Current();
    return current == nullptr ? "" : current->leaf.serial;
  }
  identity::Credentials OnDisk() const {
    auto read = identity::LoadCredentials(identity::IdentityFile(options_.state.identity));
    EXPECT_TRUE(read.ok()) << read.status();
    return *std::move(read);
  }
  static bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }
  static int ModeOf(const std::string& path) {
    struct stat status;
    return stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : -1;
  }

  const std::string folder_ =
      absl::StrCat(testing::TempDir(), "/enrolment-", getpid(), "-",
                   testing::UnitTest::GetInstance()->current_test_info()->name());
  FakeIdentity fake_{folder_};
  EnrolmentOptions options_;
  std::unique_ptr<Enrolment> enrolment_;
};

}  // namespace heddle::node
