// Any bytes as a saved snapshot. The first byte chooses: as they are, or in a valid envelope, which
// a fuzzer cannot guess the checksum of. What is accepted must come back equal.
#include <xxhash.h>

#include <cstdint>
#include <cstdlib>

#include "node/snapshot_file.h"

namespace heddle::node {
namespace {

std::string Sealed(const std::string& payload) {
  std::string content("\x89HSNAP\r\n");
  const auto append = [&](std::uint64_t number, int bytes) {
    for (int i = 0; i < bytes; ++i) content.push_back(static_cast<char>(number >> (8 * i)));
  };
  append(1, 4);
  append(payload.size(), 8);
  append(XXH3_64bits(payload.data(), payload.size()), 8);
  return content + payload;
}

void Check(const std::string& content) {
  const auto snapshot = DecodeSnapshot(content);
  if (!snapshot.ok()) {
    if (snapshot.status().message().empty()) std::abort();
    return;
  }
  const auto again = DecodeSnapshot(EncodeSnapshot(*snapshot));
  const bool equal = again.ok() && again->position == snapshot->position &&
                     again->network == snapshot->network && again->self == snapshot->self &&
                     again->peers == snapshot->peers;
  if (!equal) std::abort();
}

}  // namespace
}  // namespace heddle::node

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data + 1), size - 1);
  heddle::node::Check(data[0] % 2 == 0 ? rest : heddle::node::Sealed(rest));
  return 0;
}
