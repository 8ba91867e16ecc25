#include "tests/lab/ip_packet.h"

#include "tests/lab/checksum.h"

namespace heddle::lab {

std::string ToBytes(const IpPacket& packet) {
  const bool v4 = packet.source.family() == Family::kV4;
  std::string header(v4 ? 12 : 8, '\0');
  header[0] = v4 ? 0x45 : 0x60;
  header[v4 ? 8 : 7] = static_cast<char>(packet.hop_limit);
  header[v4 ? 9 : 6] = static_cast<char>(packet.protocol);
  const std::size_t counted = packet.payload.size() + (v4 ? 20 : 0);
  Put16(static_cast<std::uint16_t>(counted), &header[v4 ? 2 : 4]);
  header += packet.source.ToBytes() + packet.destination.ToBytes();
  if (v4) Put16(Checksum(header), &header[10]);
  return header + packet.payload;
}

}  // namespace heddle::lab
