// Any bytes as a net-conf.json: parsed or refused, never a crash; what is accepted is valid.
#include <cstdint>
#include <cstdlib>

#include "api/network.h"
#include "controller/net_conf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = heddle::controller::ParseNetConf(text);
  if (!parsed.ok()) {
    if (parsed.status().message().empty()) std::abort();
    return 0;
  }
  if (!heddle::Validate(parsed->network).ok()) std::abort();
  for (heddle::Family family : heddle::kFamilies) {
    const auto& range = parsed->network.ranges[family];
    if (range && (range->subnet_count() == 0 ||
                  !range->Allows(heddle::Prefix(range->subnet_max, range->subnet_length)))) {
      std::abort();
    }
  }
  return 0;
}
