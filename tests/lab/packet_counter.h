// Counts packets that a host's kernel sees and that look as an nftables expression says.
#pragma once

#include <string>

#include "tests/lab/netns.h"

namespace heddle::lab {

// A table of its own, from construction to destruction. `hook` is an inet hook ("input",
// "forward"); `match` is nftables' own words, as "udp dport 8472 meta length 1500". Throws
// LabError.
class PacketCounter {
 public:
  PacketCounter(const NetworkNamespace& netns, std::string hook, std::string match);
  ~PacketCounter();
  PacketCounter(const PacketCounter&) = delete;
  PacketCounter& operator=(const PacketCounter&) = delete;

  int packets() const;

 private:
  const NetworkNamespace& netns_;
  std::string table_;
};

}  // namespace heddle::lab
