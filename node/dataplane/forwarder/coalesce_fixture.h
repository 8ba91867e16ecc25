// Coalescing as a device sees it, for tests of each side of it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "node/dataplane/forwarder/coalesce.h"
#include "node/dataplane/forwarder/far_side.h"
#include "node/dataplane/forwarder/sample_packets.h"

namespace heddle::node::forwarder {

inline constexpr CoalesceOptions kAll = {true, true};

// Checks that the pieces of each frame are what it says.
void CheckPieces(absl::Span<const Frame> frames);

bool IsPlain(const Offload& offload);

// What becomes of packets, one batch.
std::vector<Written> Coalesce(const std::vector<std::string>& packets,
                              const CoalesceOptions& options = kAll);

// Of each frame, how many packets it was made of.
using Counts = std::vector<std::size_t>;
Counts Sizes(const std::vector<std::string>& packets);

// Whether nothing becomes of the two but themselves.
void ExpectApart(const std::string& first, const std::string& second, const std::string& what);

struct FlowKind {
  Family family;
  bool is_tcp;
};
std::string NameOf(const ::testing::TestParamInfo<FlowKind>& info);

class CoalesceFixture : public ::testing::TestWithParam<FlowKind> {
 protected:
  // The part of a stream that begins at `at`.
  Sample Part(std::size_t at, std::size_t bytes = 1000) const;
  std::string Bytes(std::size_t at, std::size_t bytes = 1000) const {
    return Part(at, bytes).Bytes();
  }
  std::size_t IpBytes() const { return GetParam().family == Family::kV4 ? 20 : 40; }
  std::size_t HeaderBytes() const { return IpBytes() + (GetParam().is_tcp ? 20 : 8); }
};

}  // namespace heddle::node::forwarder
