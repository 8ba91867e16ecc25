#include "tests/lab/subnet_env.h"

#include <fstream>
#include <map>
#include <sstream>

#include "tests/lab/error.h"
#include "tests/lab/socket_address.h"

namespace heddle::lab {
namespace {

Prefix ParsePrefix(const std::string& text) {
  const absl::StatusOr<Prefix> prefix = Prefix::Parse(text);
  if (!prefix.ok()) throw LabError(std::string(prefix.status().message()));
  return *prefix;
}

}  // namespace

std::optional<SubnetEnv> ReadSubnetEnv(const std::string& path) {
  std::ifstream file(path);
  if (!file) return {};
  std::ostringstream text;
  text << file.rdbuf();
  std::map<std::string, std::string> values;
  std::istringstream lines(text.str());
  for (std::string line; std::getline(lines, line);) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) throw LabError(path + ": not NAME=VALUE: " + line);
    values[line.substr(0, equals)] = line.substr(equals + 1);
  }
  SubnetEnv env;
  env.text = text.str();
  for (Family family : kFamilies) {
    const std::string prefix = family == Family::kV4 ? "FLANNEL_" : "FLANNEL_IPV6_";
    if (values.count(prefix + "SUBNET") == 0) continue;
    const std::string subnet = values[prefix + "SUBNET"];
    env.network[family] = ParsePrefix(values[prefix + "NETWORK"]);
    env.subnet[family] = ParsePrefix(subnet);
    env.gateway[family] = ParseIp(subnet.substr(0, subnet.find('/')));
  }
  env.mtu_bytes = std::stoi("0" + values["FLANNEL_MTU"]);
  return env;
}

}  // namespace heddle::lab
