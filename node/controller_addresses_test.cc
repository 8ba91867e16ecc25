#include "node/controller_addresses.h"

#include <gtest/gtest.h>

#include <future>
#include <map>
#include <set>

#include "base/mailbox.h"

namespace heddle::node {
namespace {

class ControllerAddressesTest : public testing::Test {
 protected:
  void Start(const std::vector<std::string>& controllers) {
    addresses_ = std::make_unique<ControllerAddresses>(
        controllers,
        [this](const std::string& host) -> absl::StatusOr<std::vector<std::string>> {
          const auto found = names_.find(host);
          if (found == names_.end()) return absl::UnavailableError("no such name");
          return found->second;
        },
        [this] { found_.Post(1); });
  }
  void LookUp() {
    addresses_->LookUp();
    ASSERT_FALSE(found_.TakeAll(absl::Seconds(10)).empty());
    EXPECT_FALSE(addresses_->looking_up());
  }
  std::set<std::string> Targets() {
    std::set<std::string> targets;
    for (const Endpoint& endpoint : addresses_->Known()) targets.insert(endpoint.target);
    return targets;
  }

  std::map<std::string, std::vector<std::string>> names_;  // not while a lookup runs
  Mailbox<int> found_{16};
  std::unique_ptr<ControllerAddresses> addresses_;
};

TEST_F(ControllerAddressesTest, AddressesAreKnownWithoutALookup) {
  Start({"192.0.2.1:7411", "[2001:db8::1]:7412", "[fe80::1%eth0]:7413", "192.0.2.1:7411"});
  addresses_->LookUp();
  EXPECT_FALSE(addresses_->looking_up()) << "there is no name";
  EXPECT_EQ(Targets(), (std::set<std::string>{"ipv4:192.0.2.1:7411", "ipv6:[2001:db8::1]:7412",
                                              "ipv6:[fe80::1%25eth0]:7413"}));
  EXPECT_EQ(addresses_->Known()[1].name, "[2001:db8::1]:7412");
}

TEST_F(ControllerAddressesTest, EveryAddressOfANameIsOne) {
  names_["ctl"] = {"192.0.2.1", "2001:db8::1", "192.0.2.2"};
  Start({"ctl:7411", "192.0.2.2:7411"});
  EXPECT_EQ(Targets(), std::set<std::string>{"ipv4:192.0.2.2:7411"});
  LookUp();
  EXPECT_EQ(Targets(), (std::set<std::string>{"ipv4:192.0.2.1:7411", "ipv4:192.0.2.2:7411",
                                              "ipv6:[2001:db8::1]:7411"}));
  EXPECT_EQ(addresses_->Known()[0].name, "ctl:7411 (192.0.2.1)");
  names_["ctl"] = {"192.0.2.9"};
  LookUp();
  EXPECT_EQ(Targets(), (std::set<std::string>{"ipv4:192.0.2.2:7411", "ipv4:192.0.2.9:7411"}));
}

TEST_F(ControllerAddressesTest, ANameThatFailsKeepsWhatItHadAndSaysSo) {
  names_["ctl"] = {"192.0.2.1"};
  Start({"ctl:7411"});
  LookUp();
  EXPECT_TRUE(addresses_->status().ok());
  names_.clear();
  LookUp();
  EXPECT_EQ(Targets(), std::set<std::string>{"ipv4:192.0.2.1:7411"});
  EXPECT_EQ(addresses_->status().message(),
            "the controllers' name 'ctl' cannot be resolved: no such name");
}

TEST_F(ControllerAddressesTest, EndsWhileALookupHangs) {
  std::promise<void> go_on;
  std::shared_future<void> gone = go_on.get_future().share();
  auto done = std::make_shared<std::promise<void>>();
  std::future<void> looked_up = done->get_future();
  auto addresses = std::make_unique<ControllerAddresses>(
      std::vector<std::string>{"ctl:7411"},
      [gone, done](const std::string&) -> absl::StatusOr<std::vector<std::string>> {
        gone.wait();
        done->set_value();
        return std::vector<std::string>{"192.0.2.1"};
      },
      [] { ADD_FAILURE() << "nobody is there to hear it"; });
  addresses->LookUp();
  EXPECT_TRUE(addresses->looking_up());
  addresses.reset();
  go_on.set_value();
  looked_up.wait();
}

TEST(ResolveBySystemTest, KnowsThisHostAndRefusesWhatIsNoName) {
  const auto local = ResolveBySystem("localhost");
  ASSERT_TRUE(local.ok()) << local.status();
  for (const std::string& address : *local) {
    EXPECT_TRUE(address == "127.0.0.1" || address == "::1") << address;
  }
  EXPECT_FALSE(ResolveBySystem("no such name.invalid").ok());
}

}  // namespace
}  // namespace heddle::node
