#include "storage/etcd/login.h"

#include "gtest/gtest.h"

namespace heddle::storage {
namespace {

using Answer = std::function<void(absl::StatusOr<std::string>)>;

class EtcdLoginTest : public ::testing::Test {
 protected:
  EtcdLogin::Done Note() {
    return [this](absl::StatusOr<EtcdLogin::Token> token) { tokens_.push_back(std::move(token)); };
  }

  std::vector<Answer> asked_;  // logins that etcd has not answered
  std::vector<absl::StatusOr<EtcdLogin::Token>> tokens_;
  EtcdLogin login_{[this](Answer answer) { asked_.push_back(std::move(answer)); }};
};

TEST_F(EtcdLoginTest, OneLoginServesAllWhoWaitAndAllWhoComeLater) {
  login_.Get(0, Note());
  login_.Get(0, Note());
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_TRUE(tokens_.empty());
  asked_[0]("first");
  login_.Get(0, Note());
  EXPECT_EQ(asked_.size(), 1u);
  ASSERT_EQ(tokens_.size(), 3u);
  for (const auto& token : tokens_) {
    EXPECT_EQ(token->text, "first");
    EXPECT_EQ(token->number, 1u);
  }
}

TEST_F(EtcdLoginTest, ARefusedTokenIsRenewedOnceForAllItWasRefusedTo) {
  login_.Get(0, Note());
  asked_[0]("first");
  login_.Get(1, Note());
  login_.Get(1, Note());
  ASSERT_EQ(asked_.size(), 2u);
  asked_[1]("second");
  login_.Get(1, Note());  // hears late that the first was refused
  EXPECT_EQ(asked_.size(), 2u);
  ASSERT_EQ(tokens_.size(), 4u);
  for (int i = 1; i < 4; ++i) EXPECT_EQ(tokens_[i]->text, "second");
}

TEST_F(EtcdLoginTest, AFailedLoginIsToldToItsWaitersAndTriedForTheNext) {
  login_.Get(0, Note());
  asked_[0](absl::UnauthenticatedError("no"));
  ASSERT_EQ(tokens_.size(), 1u);
  EXPECT_TRUE(absl::IsUnauthenticated(tokens_[0].status()));
  login_.Get(0, Note());
  ASSERT_EQ(asked_.size(), 2u);
  asked_[1]("yes");
  EXPECT_EQ(tokens_[1]->text, "yes");
}

TEST_F(EtcdLoginTest, AForgottenTokenIsNotGivenAgain) {
  login_.Get(0, Note());
  asked_[0]("first");
  login_.Forget();
  login_.Get(0, Note());
  ASSERT_EQ(asked_.size(), 2u);
  asked_[1]("second");
  EXPECT_EQ(tokens_[1]->text, "second");
}

}  // namespace
}  // namespace heddle::storage
