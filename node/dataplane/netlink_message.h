// Netlink messages as bytes: writing many into one buffer, and reading what may be hostile.
//
// Pure, no I/O. Reading is libnl's; a reader never looks outside the bytes it was given, and its
// views live as long as those bytes, which must be aligned to 4. Writing is our own, because libnl
// makes one message at a time, each in memory of its own, and we send hundreds in one call.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/ip.h"
#include "base/mac.h"

namespace heddle::node {

// Appends messages to one buffer, numbered from zero; the socket makes sequence numbers of them.
class MessageBuilder {
 public:
  // Starts a message, which ends where the next one starts. `header` is the family's fixed part.
  template <typename Header>
  void Begin(std::uint16_t type, std::uint16_t flags, const Header& header) {
    BeginBytes(type, flags, View(header));
  }
  void Attribute(std::uint16_t type, absl::string_view bytes);
  template <typename Number>
  void AttributeNumber(std::uint16_t type, Number number) {
    Attribute(type, View(number));
  }
  void AttributeIp(std::uint16_t type, const Ip& ip) { Attribute(type, View(ip.ToBytes())); }
  void AttributeMac(std::uint16_t type, const Mac& mac) { Attribute(type, View(mac.bytes)); }
  // With the closing zero that the kernel wants of names.
  void AttributeText(std::uint16_t type, const std::string& text) {
    Attribute(type, absl::string_view(text.c_str(), text.size() + 1));
  }

  // The attributes added while it lives are inside attribute `type`.
  class Nest {
   public:
    Nest(MessageBuilder* builder, std::uint16_t type);
    ~Nest();
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;

   private:
    MessageBuilder* const builder_;
    const std::size_t start_;
  };

  std::size_t message_count() const { return message_count_; }
  bool empty() const { return message_count_ == 0; }
  std::string& bytes() { return bytes_; }
  const std::string& bytes() const { return bytes_; }
  void Clear();

 private:
  template <typename T>
  static absl::string_view View(const T& value) {
    return {reinterpret_cast<const char*>(&value), sizeof(value)};
  }
  static absl::string_view View(const std::string& bytes) { return bytes; }

  void BeginBytes(std::uint16_t type, std::uint16_t flags, absl::string_view header);
  void Pad();
  void GrowMessage();

  std::string bytes_;
  std::size_t message_start_ = 0, message_count_ = 0;
};

// One message of a datagram.
struct Message {
  std::uint16_t type = 0, flags = 0;
  std::uint32_t sequence = 0, port = 0;
  absl::string_view payload;

  // The fixed part, or nothing when the payload is shorter than it.
  template <typename Header>
  std::optional<Header> HeaderAs() const {
    Header header;
    if (payload.size() < sizeof(header)) return std::nullopt;
    std::memcpy(&header, payload.data(), sizeof(header));
    return header;
  }
  // What follows a fixed part of `size` bytes.
  absl::string_view After(std::size_t size) const;
};

// Takes the first message off `datagram`. Nothing when it is empty or what it holds is no message.
std::optional<Message> TakeMessage(absl::string_view* datagram);

// The attributes in `bytes`; a malformed one ends them. Looked up by walking: messages have few.
class Attributes {
 public:
  explicit Attributes(absl::string_view bytes) : bytes_(bytes) {}

  // The content of the first attribute of the type.
  std::optional<absl::string_view> Find(std::uint16_t type) const;
  bool Has(std::uint16_t type) const { return Find(type).has_value(); }

  // Nothing when absent or of another size.
  template <typename T>
  std::optional<T> Number(std::uint16_t type) const {
    const auto bytes = Find(type);
    T number;
    if (!bytes || bytes->size() != sizeof(number)) return std::nullopt;
    std::memcpy(&number, bytes->data(), sizeof(number));
    return number;
  }
  std::optional<Ip> Address(std::uint16_t type) const;
  std::optional<Mac> MacAddress(std::uint16_t type) const;
  std::string Text(std::uint16_t type) const;  // up to the first zero; empty when absent
  Attributes Nested(std::uint16_t type) const;
  // The content of each attribute, as attributes in turn: the elements of a list.
  void ForEach(const std::function<void(const Attributes&)>& f) const;

 private:
  absl::string_view bytes_;
};

}  // namespace heddle::node
