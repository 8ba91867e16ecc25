#include "controller/advertised_address.h"

#include "gtest/gtest.h"

namespace heddle::controller {
namespace {

const HostAddresses kHost{"192.0.2.7", "2001:db8::7", "host-7"};

TEST(AdvertisedAddressTest, IsWhatIsListenedOn) {
  EXPECT_EQ(AdvertisedAddress({"192.0.2.9:7411"}, kHost), "192.0.2.9:7411");
  EXPECT_EQ(AdvertisedAddress({"0.0.0.0:7411", "[2001:db8::9]:7412"}, kHost), "[2001:db8::9]:7412");
  EXPECT_EQ(AdvertisedAddress({"controller-1.example:7411"}, kHost), "controller-1.example:7411");
}

TEST(AdvertisedAddressTest, IsTheHostsOwnWhereAllAreListenedOn) {
  EXPECT_EQ(AdvertisedAddress({"0.0.0.0:7411"}, kHost), "192.0.2.7:7411");
  EXPECT_EQ(AdvertisedAddress({"[::]:7411"}, kHost), "192.0.2.7:7411");
  EXPECT_EQ(AdvertisedAddress({"[::]:7411"}, {"", "2001:db8::7", "host-7"}), "[2001:db8::7]:7411");
}

TEST(AdvertisedAddressTest, IsTheHostsNameWhereThereIsNoRoute) {
  EXPECT_EQ(AdvertisedAddress({"0.0.0.0:7411"}, {"", "", "host-7"}), "host-7:7411");
  EXPECT_EQ(AdvertisedAddress({"0.0.0.0:7411"}, {"", "2001:db8::7", "host-7"}), "host-7:7411");
}

}  // namespace
}  // namespace heddle::controller
