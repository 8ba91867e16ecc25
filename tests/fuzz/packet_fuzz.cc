// Any bytes as a packet that a probe is answered with.
#include "node/probe/echo_packet.h"
#include "tests/fuzz/fuzz.h"

namespace {

void CheckEchoReply(const std::string& bytes) {
  for (const heddle::Family family : heddle::kFamilies) {
    for (const bool with_ip_header : {false, true}) {
      heddle::node::ParseEchoReply(family, with_ip_header, bytes);
    }
  }
}

}  // namespace

HEDDLE_FUZZ(CheckEchoReply)
