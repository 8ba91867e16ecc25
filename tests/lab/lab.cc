#include "tests/lab/lab.h"

#include "absl/strings/str_cat.h"
#include "tests/lab/error.h"
#include "tests/lab/socket_address.h"

namespace heddle::lab {
namespace {

constexpr int kMostHosts = 200;
constexpr int kControlNumber = 250;

}  // namespace

Lab::Lab(const LabOptions& options)
    : wire_("wire"), underlay_mtu_bytes_(options.underlay_mtu_bytes) {
  if (options.hosts < 1 || options.hosts > kMostHosts) {
    throw LabError(absl::StrCat("a lab has 1 to ", kMostHosts, " hosts, not ", options.hosts));
  }
  if (options.ipv4) gateway_[Family::kV4] = ParseIp("192.0.2.254");
  if (options.ipv6) gateway_[Family::kV6] = ParseIp("fd00:2::ffff");
  std::vector<std::string> lines = {absl::StrCat("link add wire mtu ", options.underlay_mtu_bytes,
                                                 " type bridge mcast_snooping 0"),
                                    "link set wire up"};
  gateway_.ForEach([&](Family family, const Ip& ip) {
    lines.push_back(absl::StrCat("addr add ", ip.ToString(), family == Family::kV4 ? "/24" : "/64",
                                 " dev wire", family == Family::kV6 ? " nodad" : ""));
  });
  RunIpBatch(&wire_, lines);
  control_ = std::make_unique<Host>("control", kControlNumber, underlay());
  for (int number = 1; number <= options.hosts; ++number) {
    hosts_.push_back(std::make_unique<Host>(absl::StrCat("h", number), number, underlay()));
  }
}

}  // namespace heddle::lab
