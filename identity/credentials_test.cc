#include "identity/credentials.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <future>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "identity/test_credentials.h"
#include "identity/test_x509.h"
#include "storage/rocksdb/scratch_folder.h"

namespace heddle::identity {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class CredentialsTest : public testing::Test {
 protected:
  std::string Path(absl::string_view name) { return absl::StrCat(folder_.path(), "/", name); }
  std::string Write(absl::string_view name, absl::string_view content, int mode = 0600) {
    const std::string path = Path(name);
    EXPECT_TRUE(WriteFileAtomically(path, content, mode).ok());
    return path;
  }

  const Authority authority_ = MakeTestAuthority();
  const Credentials alice_ = MakeTestCredentials(authority_, "admin/alice");
  const Credentials bob_ = MakeTestCredentials(authority_, "viewer/bob");
  storage::ScratchFolder folder_;
};

TEST_F(CredentialsTest, AnIdentityFileGoesThroughTheDisk) {
  const std::string path = Path("a/b/identity.pem");
  ASSERT_TRUE(WriteIdentityFile(path, alice_).ok());
  struct stat file, parent;
  ASSERT_EQ(stat(path.c_str(), &file), 0);
  ASSERT_EQ(stat(Path("a").c_str(), &parent), 0);
  EXPECT_EQ(file.st_mode & 07777, 0600u);
  EXPECT_EQ(parent.st_mode & 07777, 0700u);
  const auto read = LoadCredentials(IdentityFile(path));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->key_pem, alice_.key_pem);
  EXPECT_EQ(read->chain_pem, alice_.chain_pem);
  EXPECT_EQ(read->roots_pem, alice_.roots_pem);
  EXPECT_EQ(read->leaf.principal, alice_.leaf.principal);
}

TEST_F(CredentialsTest, EachPartIsPickedFromWhatStandsAround) {
  const std::string all = absl::StrCat(alice_.chain_pem, alice_.roots_pem, alice_.key_pem);
  const auto made = MakeCredentials(all, all, all);
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->chain_pem, alice_.chain_pem);
  EXPECT_EQ(made->roots_pem, alice_.roots_pem);
}

TEST_F(CredentialsTest, AnIntermediateStaysInTheChain) {
  TestX509 wanted;
  wanted.basic_constraints = "critical,CA:TRUE";
  wanted.key_usage = "critical,keyCertSign";
  wanted.root_pem = authority_.root().pem;
  wanted.root_key = authority_.key_pem();
  const std::string intermediate = Make(wanted).certificate_pem;
  const auto made = MakeCredentials(alice_.key_pem,
                                    absl::StrCat(alice_.chain_pem, intermediate, alice_.roots_pem),
                                    absl::StrCat(intermediate, alice_.roots_pem));
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->chain_pem, absl::StrCat(alice_.chain_pem, intermediate));
  EXPECT_EQ(made->roots_pem, alice_.roots_pem);
}

TEST_F(CredentialsTest, SaysWhatIsWrong) {
  const auto refusal = [](absl::string_view key, absl::string_view chain, absl::string_view roots) {
    const auto made = MakeCredentials(key, chain, roots);
    EXPECT_EQ(made.status().code(), kInvalid);
    return std::string(made.status().message());
  };
  const std::string &key = alice_.key_pem, &chain = alice_.chain_pem, &roots = alice_.roots_pem;
  EXPECT_TRUE(absl::StrContains(refusal("", chain, roots), "no private key"));
  EXPECT_TRUE(absl::StrContains(refusal(key, "", roots), "no certificate"));
  EXPECT_TRUE(absl::StrContains(refusal(key, chain, ""), "no root"));
  EXPECT_TRUE(absl::StrContains(refusal(key, chain, chain), "no root"));
  EXPECT_TRUE(absl::StrContains(refusal(bob_.key_pem, chain, roots), "not of the private key"));
  EXPECT_TRUE(absl::StrContains(refusal(key, chain.substr(0, 200), roots), "cannot be read"));
  EXPECT_TRUE(absl::StrContains(refusal(key, chain, roots.substr(0, 200)), "cannot be read"));
  const TestPair nameless = Make({});
  EXPECT_TRUE(absl::StrContains(refusal(nameless.key_pem, nameless.certificate_pem, roots),
                                "says not whose it is"));
}

TEST_F(CredentialsTest, AMissingFileIsNotFoundAndNamed) {
  const std::string key = Write("key.pem", alice_.key_pem);
  for (const CredentialFiles& files :
       {CredentialFiles{Path("none"), key, key}, CredentialFiles{key, Path("none"), key},
        CredentialFiles{key, key, Path("none")}}) {
    const auto read = LoadCredentials(files);
    EXPECT_EQ(read.status().code(), absl::StatusCode::kNotFound);
    EXPECT_TRUE(absl::StrContains(read.status().message(), Path("none"))) << read.status();
  }
}

TEST_F(CredentialsTest, AFileThatIsTooLongIsRefused) {
  const std::string path =
      Write("long.pem", absl::StrCat(alice_.key_pem, std::string(kMaxPemBytes, '\n')));
  const auto read = LoadCredentials(IdentityFile(path));
  EXPECT_EQ(read.status().code(), kInvalid);
  EXPECT_TRUE(absl::StrContains(read.status().message(), path));
}

TEST_F(CredentialsTest, AKeyThatOthersMayReadIsRefused) {
  const std::string path = Path("identity.pem");
  ASSERT_TRUE(WriteIdentityFile(path, alice_).ok());
  for (const int mode : {0604, 0602, 0644, 0666, 0601}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    const auto read = LoadCredentials(IdentityFile(path));
    EXPECT_EQ(read.status().code(), absl::StatusCode::kPermissionDenied) << mode;
    EXPECT_TRUE(absl::StrContains(read.status().message(), absl::StrCat("in ", path, " (mode 0")));
  }
  for (const int mode : {0600, 0400}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    EXPECT_TRUE(LoadCredentials(IdentityFile(path)).ok());
  }
}

TEST_F(CredentialsTest, AGroupMayReadTheKeyAndNoMore) {
  const std::string path = Path("identity.pem");
  ASSERT_TRUE(WriteIdentityFile(path, alice_).ok());
  if (geteuid() != 0) GTEST_SKIP() << "SKIPPED: only root can give a file to another group";
  ASSERT_EQ(chown(path.c_str(), 0, 4711), 0) << strerror(errno);
  for (const int mode : {0640, 0440}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    EXPECT_TRUE(LoadCredentials(IdentityFile(path)).ok()) << mode;
  }
  for (const int mode : {0660, 0620, 0650, 0644}) {
    ASSERT_EQ(chmod(path.c_str(), mode), 0);
    EXPECT_EQ(LoadCredentials(IdentityFile(path)).status().code(),
              absl::StatusCode::kPermissionDenied)
        << mode;
  }
}

// What the program logs, while this lives.
class LogLines {
 public:
  LogLines() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_, true)));
  }
  ~LogLines() { spdlog::set_default_logger(before_); }
  int Count(absl::string_view part) {
    int count = 0;
    const std::string text = text_.str();
    for (auto at = text.find(std::string(part)); at != std::string::npos;
         at = text.find(std::string(part), at + 1)) {
      ++count;
    }
    return count;
  }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

class LiveCredentialsTest : public CredentialsTest {
 protected:
  std::unique_ptr<LiveCredentials> Open() {
    auto live = LiveCredentials::Open(files_);
    EXPECT_TRUE(live.ok()) << live.status();
    return *std::move(live);
  }
  void WriteAll(const Credentials& credentials) {
    Write("key.pem", credentials.key_pem);
    Write("cert.pem", credentials.chain_pem, 0644);
    Write("ca.pem", credentials.roots_pem, 0644);
  }
  const CredentialFiles files_ = {Path("key.pem"), Path("cert.pem"), Path("ca.pem")};
};

TEST_F(LiveCredentialsTest, OpensOnlyWhatIsWhole) {
  EXPECT_EQ(LiveCredentials::Open(files_).status().code(), absl::StatusCode::kNotFound);
  WriteAll(alice_);
  Write("key.pem", bob_.key_pem);
  EXPECT_EQ(LiveCredentials::Open(files_).status().code(), kInvalid);
}

TEST_F(LiveCredentialsTest, TakesOverByItselfAndTellsOnItsOwnThread) {
  WriteAll(alice_);
  const auto live = Open();
  std::promise<std::pair<std::string, std::thread::id>> told;
  live->OnChange([&](const Credentials& now) {
    told.set_value({ToString(now.leaf.principal), std::this_thread::get_id()});
  });
  WriteAll(bob_);
  auto future = told.get_future();
  ASSERT_EQ(future.wait_for(std::chrono::seconds(30)), std::future_status::ready);
  const auto [whose, thread] = future.get();
  EXPECT_EQ(whose, "viewer/bob");
  EXPECT_NE(thread, std::this_thread::get_id());
  EXPECT_EQ(live->Current()->key_pem, bob_.key_pem);
}

TEST_F(LiveCredentialsTest, LookNowHasThemOnReturnAndStillTells) {
  WriteAll(alice_);
  const auto live = Open();
  std::promise<std::string> told;
  live->OnChange([&](const Credentials& now) { told.set_value(ToString(now.leaf.principal)); });
  const auto before = live->Current();
  WriteAll(bob_);
  live->LookNow();
  EXPECT_EQ(live->Current()->leaf.principal, bob_.leaf.principal);
  EXPECT_EQ(before->leaf.principal, alice_.leaf.principal);  // who has the former keeps it
  EXPECT_EQ(told.get_future().get(), "viewer/bob");
}

TEST_F(LiveCredentialsTest, NothingIsToldWhenNothingChanged) {
  WriteAll(alice_);
  const auto live = Open();
  live->OnChange([](const Credentials&) { ADD_FAILURE() << "told"; });
  const auto before = live->Current();
  WriteAll(alice_);
  live->LookNow();
  EXPECT_EQ(live->Current(), before);
}

// The kernel counts: whether a file was opened.
class Opened {
 public:
  explicit Opened(const std::string& path) : fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    EXPECT_GE(inotify_add_watch(fd_, path.c_str(), IN_OPEN), 0) << strerror(errno);
  }
  ~Opened() { close(fd_); }
  bool SinceAskedLast() {
    char events[4096];
    bool any = false;
    while (read(fd_, events, sizeof(events)) > 0) any = true;
    return any;
  }

 private:
  const int fd_;
};

TEST_F(LiveCredentialsTest, ReadsOnlyWhatHasChanged) {
  WriteAll(alice_);
  const auto live = Open();
  Opened key(Path("key.pem"));
  absl::SleepFor(absl::Seconds(3));  // what changed just now is read once more
  key.SinceAskedLast();
  for (int i = 0; i < 5; ++i) live->LookNow();
  EXPECT_FALSE(key.SinceAskedLast());
  Write("cert.pem", alice_.chain_pem, 0644);
  live->LookNow();
  EXPECT_TRUE(key.SinceAskedLast());
}

TEST_F(LiveCredentialsTest, KeepsTheFormerOfAHalfWrittenPairWithOneWarning) {
  LogLines log;
  WriteAll(alice_);
  const auto live = Open();
  Write("cert.pem", bob_.chain_pem, 0644);
  for (int i = 0; i < 5; ++i) live->LookNow();
  EXPECT_EQ(live->Current()->leaf.principal, alice_.leaf.principal);
  EXPECT_EQ(log.Count("not of the private key"), 1);
  Write("key.pem", bob_.key_pem);
  live->LookNow();
  EXPECT_EQ(live->Current()->leaf.principal, bob_.leaf.principal);
  EXPECT_EQ(log.Count("took over the credentials of viewer/bob"), 1);
  EXPECT_EQ(log.Count("PRIVATE KEY"), 0);
}

TEST_F(LiveCredentialsTest, KeepsTheFormerWhateverHappensToTheFiles) {
  LogLines log;
  WriteAll(alice_);
  const auto live = Open();
  const auto expect_kept = [&](absl::string_view warned) {
    live->LookNow();
    live->LookNow();
    EXPECT_EQ(live->Current()->key_pem, alice_.key_pem) << warned;
    EXPECT_EQ(log.Count(warned), 1) << warned;
  };
  Write("cert.pem", alice_.chain_pem.substr(0, 100), 0644);
  expect_kept("cannot be read");
  Write("key.pem", bob_.key_pem, 0644);
  Write("cert.pem", bob_.chain_pem, 0644);
  expect_kept("chmod 600");
  ASSERT_EQ(unlink(Path("ca.pem").c_str()), 0);
  ASSERT_EQ(chmod(Path("key.pem").c_str(), 0600), 0);
  expect_kept("No such file");
}

}  // namespace
}  // namespace heddle::identity
