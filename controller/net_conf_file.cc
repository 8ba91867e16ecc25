#include "controller/net_conf_file.h"

#include <xxhash.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "api/backend_schema.h"
#include "controller/net_conf.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {

NetConfFile::NetConfFile(std::string name, std::string json, Network network, std::uint64_t digest)
    : name_(std::move(name)),
      json_(std::move(json)),
      network_(std::move(network)),
      digest_(digest) {}

absl::StatusOr<NetConfFile> NetConfFile::Parse(std::string name, std::string json) {
  absl::StatusOr<ParsedNetConf> parsed = ParseNetConf(json);
  const absl::Status status = parsed.ok() ? RequireBuilt(parsed->network.backend) : parsed.status();
  if (!status.ok()) {
    return absl::Status(status.code(), absl::StrCat(name, ": ", status.message()));
  }
  for (const std::string& notice : parsed->notices) spdlog::warn("{}: {}", name, notice);
  const std::uint64_t digest = XXH3_64bits(json.data(), json.size());
  return NetConfFile(std::move(name), std::move(json), std::move(parsed->network), digest);
}

void NetConfFile::TakeOver(Writer& writer, std::function<void(absl::Status)> done) const {
  const std::optional<Network>& stored = writer.book().target_network();
  if (stored && writer.book().net_conf_digest() == digest_) {
    if (*stored != network_) {
      spdlog::info(
          "{} is the file of the last start; the network was set with heddlectl since, and stands",
          name_);
    }
    return done(RequireBuilt(stored->backend));
  }
  if (writer.is_torn()) {
    spdlog::error("{}", std::string(writer.Torn().message()));
    return done(absl::OkStatus());
  }
  const bool replaces = stored.has_value();
  if (replaces && writer.settling()) {
    spdlog::warn(
        "{} is not taken over: the store was restored and has not settled, so its network stands. "
        "Set it with heddlectl when it has",
        name_);
    return done(RequireBuilt(stored->backend));
  }
  writer.SetNetwork(
      network_, json_,
      [file = *this, replaces, done = std::move(done)](absl::StatusOr<Committed> result) {
        if (!result.ok()) return done(file.Refused(replaces, result.status()));
        spdlog::info("{} {} at revision {}", file.name_,
                     replaces ? "replaces the stored network" : "is the network now",
                     result->revision);
        done(absl::OkStatus());
      },
      digest_);
}

void NetConfFile::TakeOverAsLeader(Writer& writer, std::uint64_t digest_at_start) const {
  const std::uint64_t stored = writer.book().net_conf_digest();
  if (stored != digest_at_start && stored != digest_) {
    spdlog::warn(
        "{} is not taken over: another controller has brought another file since this one "
        "started. Give every controller the same file, or set the network with heddlectl alone",
        name_);
    return;
  }
  TakeOver(writer, [](const absl::Status& status) {
    if (!status.ok()) spdlog::error("{}", std::string(status.message()));
  });
}

absl::Status NetConfFile::Refused(bool replaces, const absl::Status& why) const {
  if (!replaces || !absl::IsFailedPrecondition(why)) return why;
  return absl::FailedPreconditionError(absl::StrCat(
      name_, " differs from the network in use and cannot replace it: ", why.message(),
      ". To go on with the network in use, start without --net-conf (heddlectl network show "
      "prints it), do what is said here and then use `heddlectl network set`"));
}

}  // namespace heddle::controller
