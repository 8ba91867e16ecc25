#include "node/dataplane/forwarder/coalesce_fixture.h"

#include "absl/strings/str_cat.h"

namespace heddle::node::forwarder {

bool IsPlain(const Offload& offload) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&offload);
  return ToString({bytes, sizeof(offload)}) == std::string(sizeof(offload), '\0');
}

void CheckPieces(absl::Span<const Frame> frames) {
  for (const Frame& frame : frames) {
    EXPECT_EQ(frame.pieces.size(), 1 + frame.packets);
    EXPECT_EQ(frame.pieces[0].iov_base, &frame.offload);
    EXPECT_EQ(frame.pieces[0].iov_len, 10u);
    std::size_t bytes = 0;
    for (const iovec& piece : frame.without_offload()) bytes += piece.iov_len;
    EXPECT_EQ(frame.bytes, bytes);
  }
}

std::vector<Written> Coalesce(const std::vector<std::string>& packets,
                              const CoalesceOptions& options) {
  Coalescer coalescer(options);
  std::vector<std::vector<std::uint8_t>> copies;
  for (const std::string& packet : packets) copies.emplace_back(packet.begin(), packet.end());
  for (auto& copy : copies) coalescer.Add(*ParsePacket(absl::MakeSpan(copy)));
  const absl::Span<const Frame> frames = coalescer.Finish();
  CheckPieces(frames);
  return WrittenOf(frames);
}

Counts Sizes(const std::vector<std::string>& packets) {
  Counts sizes;
  for (const Written& written : Coalesce(packets)) sizes.push_back(written.packets);
  return sizes;
}

void ExpectApart(const std::string& first, const std::string& second, const std::string& what) {
  const std::vector<Written> frames = Coalesce({first, second});
  ASSERT_EQ(frames.size(), 2u) << what;
  EXPECT_EQ(frames[0].bytes, first) << what;
  EXPECT_EQ(frames[1].bytes, second) << what;
  for (const Written& frame : frames) EXPECT_TRUE(IsPlain(frame.offload)) << what;
}

std::string NameOf(const ::testing::TestParamInfo<FlowKind>& info) {
  return absl::StrCat(info.param.is_tcp ? "Tcp" : "Udp", FamilyName(info.param.family));
}

Sample CoalesceFixture::Part(std::size_t at, std::size_t bytes) const {
  Sample part;
  part.family = GetParam().family;
  part.is_tcp = GetParam().is_tcp;
  part.sequence += static_cast<std::uint32_t>(at);
  part.id += static_cast<std::uint16_t>(at / 1000);
  part.payload = SamplePayload(100'000).substr(at, bytes);
  return part;
}

}  // namespace heddle::node::forwarder
