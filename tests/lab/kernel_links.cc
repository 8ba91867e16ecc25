#include "tests/lab/kernel_links.h"

#include "tests/lab/command.h"
#include "tests/lab/netns.h"

namespace heddle::lab {

bool KernelMakesLinks(const std::string& type) {
  const NetworkNamespace netns("kernel-links");
  Program program;
  program.argv = {"ip", "link", "add", "dev", "tried", "type", type};
  if (type == "tun") program.argv = {"ip", "tuntap", "add", "dev", "tried", "mode", "tun"};
  if (type == "ipip") program.argv.insert(program.argv.end(), {"local", "127.0.0.1"});
  program.netns = &netns;
  return TryRun(program).exit_code == 0;
}

}  // namespace heddle::lab
