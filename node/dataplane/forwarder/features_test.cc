#include "node/dataplane/forwarder/features.h"

#include <fcntl.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "node/dataplane/forwarder/descriptors.h"
#include "node/dataplane/private_network.h"

namespace heddle::node::forwarder {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(FeaturesTest, AllButWhatIsNamed) {
  EXPECT_EQ(*AllBut(""), Features());
  const Features features = *AllBut("uso,gro");
  EXPECT_THAT(NamesOf(features, true), ElementsAre("checksum", "tso", "gso", "mmsg"));
  EXPECT_THAT(NamesOf(features, false), ElementsAre("uso", "gro"));
  EXPECT_THAT(NamesOf(*AllBut("checksum,tso,uso,gso,gro,mmsg"), true), IsEmpty());
}

TEST(FeaturesTest, AWordThatIsNoneIsNamedWithThoseThatAre) {
  const absl::Status refused = AllBut("tso,warp").status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("'warp'"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("mmsg"));
}

TEST(FeaturesTest, WhatIsNotThereIsNotOffered) {
  // Neither a TUN device nor a socket.
  const Descriptor null(open("/dev/null", O_RDWR | O_CLOEXEC));
  const Features offered = OfferOffloads(null.get(), true, Features());
  EXPECT_FALSE(offered.checksum || offered.tso || offered.uso);
  const Features found = PrepareSocket(null.get(), Features());
  EXPECT_FALSE(found.gso || found.gro);
}

class OffloadTest : public testing::Test {
 protected:
  OffloadTest() {
    EXPECT_EQ(EnterPrivateNetwork(), absl::OkStatus());
    auto opened = OpenTunQueues("tun0", 1);
    EXPECT_EQ(opened.status(), absl::OkStatus());
    queue_ = std::move(opened->queues[0]);
  }
  Descriptor queue_;
};

TEST_F(OffloadTest, EachStandsOnTheOneBefore) {
  EXPECT_THAT(NamesOf(OfferOffloads(queue_.get(), true, *AllBut("tso")), false),
              ElementsAre("tso", "uso"));
  EXPECT_THAT(NamesOf(OfferOffloads(queue_.get(), true, *AllBut("checksum")), false),
              ElementsAre("checksum", "tso", "uso"));
  EXPECT_THAT(NamesOf(OfferOffloads(queue_.get(), false, Features()), false),
              ElementsAre("checksum", "tso", "uso"));
  EXPECT_TRUE(OfferOffloads(queue_.get(), true, Features()).tso);
}

}  // namespace
}  // namespace heddle::node::forwarder
