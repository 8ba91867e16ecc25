// Certificates through the writer: committed once whatever the store answers, told to every
// replica.
#include "controller/certificate_bench.h"
#include "controller/test_replicas.h"
#include "controller/writer_fixture.h"
#include "storage/test_sinks.h"

namespace heddle::controller {
namespace {

using Answer = std::shared_ptr<std::optional<absl::StatusOr<Committed>>>;

// Asks without waiting.
Answer Ask(Writer& writer, CertificateChange change) {
  auto answer = std::make_shared<std::optional<absl::StatusOr<Committed>>>();
  writer.ChangeCertificates(std::move(change),
                            [answer](absl::StatusOr<Committed> result) { *answer = result; });
  return answer;
}

CertificateChange Create(const JoinToken& token) {
  return {token.id, "", [token](const CertificateBook& book, absl::Time) {
            return book.DecideCreateToken(token);
          }};
}
CertificateChange Join(const JoinToken& token, const CertificateTerms& terms) {
  return {token.id, identity::ToString(terms.principal),
          [token, terms](const CertificateBook& book, absl::Time now) {
            std::string why;
            return book.DecideJoin({token.id, token.secret_digest}, terms, now, &why);
          }};
}
CertificateChange Revoke(const std::string& serial) {
  return {serial, "", [serial](const CertificateBook& book, absl::Time now) {
            return book.DecideRevokeSerial(serial, now);
          }};
}

class WriterCertificatesTest : public WriterTest {
 protected:
  void StartWith(const std::vector<JoinToken>& tokens) {
    Start();
    for (const JoinToken& token : tokens) ASSERT_TRUE(Change(Create(token)).ok());
  }
  absl::StatusOr<Committed> Change(CertificateChange change) {
    const Answer answer = Ask(*writer_, std::move(change));
    Run();
    return *answer ? **answer : absl::InternalError("no answer");
  }
  CertificateTerms Terms(const std::string& node_id, int key) {
    bench_.now = clock_.now;
    return bench_.Terms(NodePrincipal(node_id), key);
  }
  JoinToken Token(int number, std::uint32_t uses = 1) {
    bench_.now = clock_.now;
    return bench_.MakeToken(number, uses);
  }
  // Works off what is committed, step by step.
  void RunSteps() {
    do {
      Run();
    } while (store_.Step());
    Run();
  }

  CertificateBench bench_;
};

TEST_F(WriterCertificatesTest, AnUnknownCommitIsFoundOutAndDoneOnce) {
  StartWith({Token(1, 2)});
  for (const bool applied : {true, false}) {
    SCOPED_TRACE(applied);
    store_.AnswerUnknownNext(1, applied);
    const auto joined = Change(Join(Token(1), Terms(applied ? "h1" : "h2", applied ? 1 : 2)));
    ASSERT_TRUE(joined.ok()) << joined.status();
    EXPECT_TRUE(joined->changed);
  }
  EXPECT_EQ(writer_->certificates().certificates().size(), 2u);
  EXPECT_EQ(writer_->certificates().tokens().begin()->second.uses_left, 0u);
  EXPECT_TRUE(writer_->idle());
}

TEST_F(WriterCertificatesTest, ManyAtOnceWithOneTicketAllJoin) {
  StartWith({Token(1, 100)});
  store_.HoldDelivery(true);
  std::vector<Answer> answers;
  for (int i = 0; i < 101; ++i) {
    answers.push_back(Ask(*writer_, Join(Token(1), Terms(absl::StrCat("h", i), i))));
  }
  RunSteps();
  store_.HoldDelivery(false);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(*answers[i] && (*answers[i])->ok()) << i;
  EXPECT_TRUE(absl::IsPermissionDenied((*answers[100])->status())) << "the ticket was for 100";
}

TEST_F(WriterCertificatesTest, OfTwoKeysAtOnceWithTwoTicketsOneBecomesTheNode) {
  StartWith({Token(1), Token(2)});
  store_.HoldDelivery(true);
  const Answer first = Ask(*writer_, Join(Token(1), Terms("h1", 1)));
  const Answer second = Ask(*writer_, Join(Token(2), Terms("h1", 2)));
  const Answer other = Ask(*writer_, Create(Token(3)));
  RunSteps();
  store_.HoldDelivery(false);
  ASSERT_TRUE(*first && *second && *other);
  EXPECT_TRUE((*first)->ok());
  EXPECT_TRUE(absl::IsAlreadyExists((*second)->status())) << (*second)->status();
  EXPECT_TRUE((*other)->ok());
  EXPECT_EQ(writer_->certificates().tokens().at(Token(2).id).uses_left, 1u);
}

TEST_F(WriterCertificatesTest, RevocationsAreToldOnceAndAgainToTheNextProcess) {
  StartWith({});
  ASSERT_TRUE(Change(Revoke("a1")).ok());
  EXPECT_EQ(revoked_, std::vector<std::string>{"a1"});
  ASSERT_TRUE(Change(Revoke("a1")).ok());
  EXPECT_EQ(revoked_, std::vector<std::string>{"a1"});
  revoked_.clear();
  Restart();
  EXPECT_EQ(revoked_, std::vector<std::string>{"a1"});
}

TEST_F(WriterCertificatesTest, WhatWasRevokedWhileTheFeedWasCutIsToldAfterIt) {
  StartWith({});
  ASSERT_TRUE(Change(Revoke("a1")).ok());
  revoked_.clear();
  cut_.Cut();
  ASSERT_TRUE(
      storage::CommitAndWait(store_, {{}, {}, {storage::Put("net/_/cert/a2", "\xff")}}).ok());
  Run();
  EXPECT_TRUE(revoked_.empty());
  cut_.End();
  Run();
  EXPECT_EQ(revoked_, std::vector<std::string>{"a2"});
  EXPECT_TRUE(writer_->certificates().IsRevoked("a1"));
}

TEST_F(WriterCertificatesTest, UpkeepForgetsWhatIsOver) {
  StartWith({Token(1)});
  ASSERT_TRUE(Change(Join(Token(1), Terms("h1", 1))).ok());
  Pass(absl::Hours(26));
  EXPECT_TRUE(writer_->certificates().tokens().empty());
  EXPECT_EQ(writer_->certificates().certificates().size(), 1u);
  Pass(bench_.lifetime);
  EXPECT_TRUE(writer_->certificates().certificates().empty());
}

TEST_F(WriterCertificatesTest, NothingIsIssuedWhileARestoreRuns) {
  StartWith({Token(1)});
  writer_->MarkRestore({"old", 7}, [](const absl::StatusOr<Writer::RestoreBegun>& begun) {
    EXPECT_TRUE(begun.ok()) << begun.status();
  });
  Run();
  EXPECT_TRUE(absl::IsFailedPrecondition(Change(Join(Token(1), Terms("h1", 1))).status()));
}

TEST(WriterCertificatesReplicas, AFollowerHearsOfThemAndChangesNothingItself) {
  TestReplicas all;
  for (std::size_t i : {0, 1}) ASSERT_TRUE(all.Start(i).ok());
  all.Run();
  const Answer done = Ask(all.writer(0), Revoke("a1"));
  const Answer refused = Ask(all.writer(1), Revoke("a2"));
  all.Run();
  ASSERT_TRUE(*done && *refused);
  EXPECT_TRUE((*done)->ok());
  EXPECT_TRUE(absl::IsUnavailable((*refused)->status())) << (*refused)->status();
  EXPECT_TRUE(all.writer(1).certificates().IsRevoked("a1"));
  EXPECT_FALSE(all.writer(0).certificates().IsRevoked("a2"));
}

}  // namespace
}  // namespace heddle::controller
