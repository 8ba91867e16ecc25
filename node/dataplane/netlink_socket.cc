#include "node/dataplane/netlink_socket.h"

#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace heddle::node {
namespace {

// The kernel fills datagrams of a dump up to 32 KiB when the receive buffer has room for it, and
// far fewer system calls are needed.
constexpr std::size_t kReceiveBytes = 64 << 10;
// Room for the refusals of a whole batch, should all of it be refused.
constexpr int kSocketBufferBytes = 1 << 20;
constexpr int kDumpAttempts = 5;

absl::Status FromErrno(int error, absl::string_view what) {
  return absl::ErrnoToStatus(error, what);
}

// An NLMSG_ERROR or NLMSG_DONE: its errno (0 is an acknowledgement) and the kernel's words.
struct Verdict {
  int error = 0;
  std::string text;
};

std::optional<Verdict> ReadVerdict(const Message& message) {
  const auto code = message.HeaderAs<std::int32_t>();
  if (!code) return std::nullopt;
  Verdict verdict;
  verdict.error = *code < 0 ? -*code : 0;
  if (message.flags & NLM_F_ACK_TLVS) {
    // After an error stands the header of the request (NETLINK_CAP_ACK leaves out the rest).
    const std::size_t fixed = message.type == NLMSG_ERROR ? sizeof(nlmsgerr) : sizeof(std::int32_t);
    verdict.text = Attributes(message.After(fixed)).Text(NLMSGERR_ATTR_MSG);
  }
  if (verdict.text.empty() && verdict.error != 0) verdict.text = strerror(verdict.error);
  return verdict;
}

}  // namespace

absl::StatusOr<NetlinkSocket> NetlinkSocket::Open(int protocol) {
  HEDDLE_ASSIGN_OR_RETURN(NetlinkEndpoint endpoint, OpenNetlink(protocol, kSocketBufferBytes));
  return NetlinkSocket(std::move(endpoint));
}

absl::Status NetlinkSocket::Send(MessageBuilder* requests, std::uint16_t last_flags) {
  base_ = next_;
  std::string& bytes = requests->bytes();
  std::uint32_t number = 0;
  for (std::size_t at = 0; at < bytes.size(); ++number) {
    nlmsghdr header;
    std::memcpy(&header, &bytes[at], sizeof(header));
    header.nlmsg_seq = base_ + number;
    if (at + header.nlmsg_len >= bytes.size()) header.nlmsg_flags |= last_flags;
    std::memcpy(&bytes[at], &header, sizeof(header));
    at += header.nlmsg_len;
  }
  next_ = base_ + number;
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  while (sendto(FdOf(endpoint_), bytes.data(), bytes.size(), 0,
                reinterpret_cast<sockaddr*>(&kernel), sizeof(kernel)) < 0) {
    if (errno != EINTR) return FromErrno(errno, "cannot send to the kernel over netlink");
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::string_view> NetlinkSocket::Receive() {
  buffer_.resize(kReceiveBytes);
  sockaddr_nl sender{};
  socklen_t size = sizeof(sender);
  while (true) {
    const ssize_t n = recvfrom(FdOf(endpoint_), &buffer_[0], buffer_.size(), MSG_TRUNC,
                               reinterpret_cast<sockaddr*>(&sender), &size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == ENOBUFS) {
      return absl::UnavailableError("the kernel had no room for its answers over netlink");
    }
    if (n < 0) return FromErrno(errno, "cannot receive from the kernel over netlink");
    if (sender.nl_pid != 0) continue;  // another program's; only the kernel is believed
    if (static_cast<std::size_t>(n) > buffer_.size()) {
      return absl::InternalError(absl::StrCat("a netlink message of ", n, " bytes is too long"));
    }
    return absl::string_view(buffer_.data(), n);
  }
}

absl::StatusOr<std::vector<NetlinkSocket::Refusal>> NetlinkSocket::Execute(
    MessageBuilder* requests) {
  std::vector<Refusal> refusals;
  if (requests->empty()) return refusals;
  HEDDLE_RETURN_IF_ERROR(Send(requests, NLM_F_ACK));
  while (true) {
    HEDDLE_ASSIGN_OR_RETURN(absl::string_view datagram, Receive());
    while (const auto message = TakeMessage(&datagram)) {
      const std::uint32_t number = message->sequence - base_;
      if (message->type != NLMSG_ERROR || number >= requests->message_count()) continue;
      const auto verdict = ReadVerdict(*message);
      if (!verdict) return absl::InternalError("the kernel's answer over netlink is cut short");
      if (verdict->error != 0) refusals.push_back({number, verdict->error, verdict->text});
      if (number + 1 == requests->message_count()) return refusals;
    }
  }
}

// True when the dump is complete, false when it has to be made again.
absl::StatusOr<bool> NetlinkSocket::ReceiveDump(const std::function<void(const Message&)>& f) {
  bool interrupted = false;
  while (true) {
    HEDDLE_ASSIGN_OR_RETURN(absl::string_view datagram, Receive());
    while (const auto message = TakeMessage(&datagram)) {
      if (message->sequence != base_) continue;
      if (message->flags & NLM_F_DUMP_INTR) interrupted = true;
      if (message->type != NLMSG_DONE && message->type != NLMSG_ERROR) {
        f(*message);
        continue;
      }
      const auto verdict = ReadVerdict(*message);
      if (!verdict) return absl::InternalError("the kernel's answer over netlink is cut short");
      if (verdict->error != 0) return FromErrno(verdict->error, verdict->text);
      return !interrupted;
    }
    if (!datagram.empty()) return absl::InternalError("a netlink datagram ends in no message");
  }
}

absl::Status NetlinkSocket::Dump(MessageBuilder* request, const std::function<void()>& restart,
                                 const std::function<void(const Message&)>& f) {
  for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
    if (attempt > 0) restart();
    HEDDLE_RETURN_IF_ERROR(Send(request, NLM_F_DUMP));
    HEDDLE_ASSIGN_OR_RETURN(const bool complete, ReceiveDump(f));
    if (complete) return absl::OkStatus();
  }
  return absl::AbortedError(absl::StrCat("the kernel's tables changed during each of ",
                                         kDumpAttempts, " attempts to read them"));
}

absl::Status NetlinkSocket::Get(MessageBuilder* request,
                                const std::function<void(const Message&)>& f) {
  HEDDLE_RETURN_IF_ERROR(Send(request, NLM_F_ACK));
  while (true) {
    HEDDLE_ASSIGN_OR_RETURN(absl::string_view datagram, Receive());
    while (const auto message = TakeMessage(&datagram)) {
      if (message->sequence != base_) continue;
      if (message->type != NLMSG_ERROR) {
        f(*message);
        continue;
      }
      const auto verdict = ReadVerdict(*message);
      if (!verdict) return absl::InternalError("the kernel's answer over netlink is cut short");
      if (verdict->error == ENODEV) return absl::NotFoundError(verdict->text);
      if (verdict->error != 0) return FromErrno(verdict->error, verdict->text);
      return absl::OkStatus();
    }
  }
}

}  // namespace heddle::node
