// What forwarding costs before any system call: checksums, cutting frames and putting them
// together. Bytes are those of IP packets.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "node/dataplane/forwarder/checksum.h"
#include "node/dataplane/forwarder/coalesce.h"
#include "node/dataplane/forwarder/sample_packets.h"
#include "node/dataplane/forwarder/segment.h"

namespace heddle::node::forwarder {
namespace {

constexpr std::size_t kFrameBytes = 65000;

// Arguments: the family, whether it is TCP, and the payload of each packet.
Sample SampleFor(const benchmark::State& state) {
  Sample sample;
  sample.family = static_cast<Family>(state.range(0));
  sample.is_tcp = state.range(1) != 0;
  if (sample.is_tcp) sample.options = std::string("\x01\x01\x08\x0a", 4) + SamplePayload(8);
  return sample;
}

void ArgumentsOfStreams(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"v6", "tcp", "payload"});
  for (int is_v6 : {0, 1}) {
    for (int is_tcp : {1, 0}) benchmark->Args({is_v6, is_tcp, 1372});
  }
  benchmark->Args({0, 0, 64});
}

void SetRates(benchmark::State& state, std::size_t bytes, std::size_t packets) {
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes * state.iterations()));
  state.SetItemsProcessed(static_cast<std::int64_t>(packets * state.iterations()));
}

void SumOf(benchmark::State& state) {
  const std::string bytes = SamplePayload(state.range(0));
  const auto* at = reinterpret_cast<const std::uint8_t*>(bytes.data());
  for (auto _ : state) benchmark::DoNotOptimize(SumBytes({at, bytes.size()}));
  SetRates(state, bytes.size(), 1);
}
BENCHMARK(SumOf)->Arg(20)->Arg(64)->Arg(1400)->Arg(65535);

void PortableSumOf(benchmark::State& state) {
  const std::string bytes = SamplePayload(state.range(0));
  const auto* at = reinterpret_cast<const std::uint8_t*>(bytes.data());
  for (auto _ : state) benchmark::DoNotOptimize(SumBytesPortably({at, bytes.size()}));
  SetRates(state, bytes.size(), 1);
}
BENCHMARK(PortableSumOf)->Arg(1400);

// For comparison: two bytes at a time.
void PlainSumOf(benchmark::State& state) {
  const std::string bytes = SamplePayload(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(PlainChecksum(bytes));
  SetRates(state, bytes.size(), 1);
}
BENCHMARK(PlainSumOf)->Arg(1400);

void CutFrame(benchmark::State& state) {
  Sample sample = SampleFor(state);
  const std::size_t segment_bytes = state.range(2);
  sample.payload = SamplePayload(kFrameBytes - kFrameBytes % segment_bytes);
  SampleFrame frame = MakeFrame(sample, segment_bytes);
  const Packet packet = ParseSample(&frame.bytes);
  Segmenter segmenter;
  std::size_t packets = 0, bytes = 0;
  for (const Pieces& pieces : segmenter.Cut(frame.offload, packet)) {
    packets += 1;
    bytes += pieces.size();
  }
  for (auto _ : state) benchmark::DoNotOptimize(segmenter.Cut(frame.offload, packet).data());
  SetRates(state, bytes, packets);
}
BENCHMARK(CutFrame)->Apply(ArgumentsOfStreams);

// The packets of a batch, of which each round needs fresh ones, since headers are written to.
class Batch {
 public:
  // `flows` streams in turns, `burst` packets of each at a time.
  Batch(Sample sample, std::size_t payload_bytes, std::size_t flows, std::size_t burst) {
    std::vector<Sample> streams(flows, sample);
    for (std::size_t i = 0; i < kPackets; ++i) {
      Sample& stream = streams[i / burst % flows];
      stream.source_port = static_cast<std::uint16_t>(1000 + i / burst % flows);
      stream.payload = SamplePayload(payload_bytes, static_cast<std::uint32_t>(i));
      originals_.push_back(stream.Bytes());
      stream.sequence += static_cast<std::uint32_t>(payload_bytes);
      stream.id += 1;
    }
    copies_ = originals_;
    for (std::string& copy : copies_) packets_.push_back(ParseSample(&copy));
  }

  std::size_t Round(Coalescer* coalescer) {
    for (std::size_t i = 0; i < kPackets; ++i) {
      // Headers only: the rest is never written to.
      copies_[i].replace(0, kHeaders, originals_[i], 0, kHeaders);
      coalescer->Add(packets_[i]);
    }
    const std::size_t frames = coalescer->Finish().size();
    coalescer->Clear();
    return frames;
  }

  std::size_t bytes() const { return kPackets * originals_[0].size(); }

  static constexpr std::size_t kPackets = 128;

 private:
  static constexpr std::size_t kHeaders = 72;
  std::vector<std::string> originals_, copies_;
  std::vector<Packet> packets_;
};

void CoalesceBatch(benchmark::State& state, std::size_t flows, std::size_t burst) {
  Batch batch(SampleFor(state), state.range(2), flows, burst);
  Coalescer coalescer({true, true});
  std::size_t frames = 0;
  for (auto _ : state) frames = batch.Round(&coalescer);
  SetRates(state, batch.bytes(), Batch::kPackets);
  state.counters["frames"] = static_cast<double>(frames);
}
BENCHMARK_CAPTURE(CoalesceBatch, one_flow, 1, 1)->Apply(ArgumentsOfStreams);
BENCHMARK_CAPTURE(CoalesceBatch, eight_flows, 8, 4)->Apply(ArgumentsOfStreams);
BENCHMARK_CAPTURE(CoalesceBatch, too_many_flows, 128, 1)->Apply(ArgumentsOfStreams);

}  // namespace
}  // namespace heddle::node::forwarder

BENCHMARK_MAIN();
