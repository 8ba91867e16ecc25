#include "controller/position_inquiry.h"

#include <deque>
#include <vector>

#include "gtest/gtest.h"
#include "storage/memory/memory_store.h"

namespace heddle::controller {
namespace {

// The store answers at Step; what is posted runs at RunPosted.
class PositionInquiryTest : public ::testing::Test {
 protected:
  PositionInquiryTest() { store_.HoldDelivery(true); }

  void Put(const std::string& key) {
    storage::Transaction transaction;
    transaction.writes.push_back({storage::Write::Kind::kPut, key, "v"});
    store_.Commit(std::move(transaction), [](const absl::StatusOr<storage::Outcome>&) {});
  }
  void Ask() {
    inquiry_->Ask([this](const absl::StatusOr<storage::Position>& position) {
      answers_.push_back(position.ok() ? static_cast<int>(position->revision) : -1);
    });
  }
  void RunPosted() {
    while (!posted_.empty()) {
      const auto work = std::move(posted_.front());
      posted_.pop_front();
      work();
    }
  }
  void StepAll() {
    while (store_.Step()) {
    }
  }

  storage::MemoryStore store_;
  absl::Status post_status_;
  std::deque<std::function<void()>> posted_;
  std::vector<int> answers_;
  std::unique_ptr<PositionInquiry> inquiry_ =
      std::make_unique<PositionInquiry>(&store_, [this](std::function<void()> work) {
        if (post_status_.ok()) posted_.push_back(std::move(work));
        return post_status_;
      });
};

TEST_F(PositionInquiryTest, WhoComesLateIsNotAnsweredFromBefore) {
  Put("a");
  Ask();
  Ask();
  Put("b");
  Ask();
  EXPECT_TRUE(answers_.empty());
  StepAll();
  EXPECT_TRUE(answers_.empty()) << "only on the thread of the feed";
  RunPosted();
  EXPECT_EQ(answers_, (std::vector<int>{1, 2, 2}))
      << "the first was with the store already; the other two share one question";
}

TEST_F(PositionInquiryTest, RefusedPostIsAnsweredAsAnError) {
  post_status_ = absl::UnavailableError("ending");
  Ask();
  StepAll();
  EXPECT_EQ(answers_, std::vector<int>{-1});
}

TEST_F(PositionInquiryTest, AnswersNobodyOnceItIsGone) {
  Ask();
  inquiry_.reset();
  StepAll();
  RunPosted();
  EXPECT_TRUE(answers_.empty());
}

}  // namespace
}  // namespace heddle::controller
