#include "controller/live_authority.h"

#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "controller/ca_files.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

std::string Stamp(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return "-";
  return absl::StrCat(info.st_dev, ".", info.st_ino, ".", info.st_size, ".", info.st_mtim.tv_sec,
                      ".", info.st_mtim.tv_nsec, ".", info.st_mode, " ");
}

}  // namespace

LiveAuthority::LiveAuthority(const TlsFiles& files) : files_(files) { Look(); }

std::shared_ptr<const identity::Authority> LiveAuthority::Current() const {
  MutexLock lock(&mutex_);
  return current_;
}

std::string LiveAuthority::cross_pem() const {
  MutexLock lock(&mutex_);
  return cross_pem_;
}

void LiveAuthority::Look() {
  MutexLock lock(&mutex_);
  const std::string stamp =
      absl::StrCat(Stamp(files_.roots()), Stamp(files_.ca_key()), Stamp(files_.cross()));
  if (stamp == seen_) return;
  seen_ = stamp;  // before they are read: what changes meanwhile is seen the next time
  auto authority = LoadAuthority(files_);
  if (!authority.ok() && !absl::IsNotFound(authority.status())) {
    spdlog::warn("{}; {}", std::string(authority.status().message()),
                 current_ == nullptr ? "nothing is signed with it" : "the one before signs on");
    return;
  }
  const std::string before = current_ == nullptr ? "" : current_->root().key_id;
  current_ =
      authority.ok() ? std::make_shared<const identity::Authority>(*std::move(authority)) : nullptr;
  cross_pem_ = ReadFile(files_.cross(), identity::kMaxPemBytes).value_or("");
  const std::string after = current_ == nullptr ? "" : current_->root().key_id;
  if (after == before) return;
  if (after.empty()) {
    spdlog::warn("{} is gone: this controller issues no certificates", files_.ca_key());
  } else {
    spdlog::info("certificates are signed by root {}", after);
  }
}

}  // namespace heddle::controller
