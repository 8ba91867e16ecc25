#include "controller/controller_tls.h"

#include <condition_variable>
#include <optional>
#include <thread>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "controller/issue.h"
#include "controller/own_certificate.h"
#include "spdlog/spdlog.h"

namespace heddle::controller {
namespace {

using identity::Certificate;
using identity::LiveCredentials;

constexpr absl::Duration kLookEvery = absl::Seconds(1);
constexpr absl::Duration kTryAgainAfter = absl::Minutes(10);
constexpr absl::Duration kRootEndsSoon = absl::Hours(24 * 90);

std::string Utc(absl::Time time) { return absl::FormatTime(time, absl::UTCTimeZone()); }

absl::Status Explain(const ControllerTlsTerms& terms, const absl::Status& why) {
  const std::string text =
      terms.files.folder.empty()
          ? absl::StrCat(why.message(), ". See --tls-cert-file, --tls-key-file and --tls-ca-file")
          : absl::StrCat("no usable keys and certificates in ", terms.files.folder, ": ",
                         why.message(),
                         ". `heddle-controller init` makes what is missing; --tls-cert-file, "
                         "--tls-key-file and --tls-ca-file name your own; --insecure does without");
  return absl::FailedPreconditionError(text);
}

}  // namespace

class ControllerTls::Impl {
 public:
  Impl(const ControllerTlsTerms& terms, std::unique_ptr<LiveCredentials> credentials,
       const Clock* clock)
      : terms_(terms),
        clock_(clock),
        credentials_(std::move(credentials)),
        chance_(absl::Uniform(absl::BitGen(), 0.0, 1.0)) {
    if (!terms_.files.folder.empty()) authority_.emplace(terms_.files);
    Look();
    const Certificate own = credentials_->Current()->leaf;
    spdlog::info("proves itself as {}, with a certificate of root {} until {}",
                 ToString(own.principal), own.issuer, Utc(own.not_after));
    thread_ = std::thread([this] { Loop(); });
  }

  ~Impl() {
    {
      MutexLock lock(&mutex_);
      is_ending_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  const LiveCredentials* credentials() const { return credentials_.get(); }
  std::shared_ptr<const identity::Authority> authority() const {
    return authority_ ? authority_->Current() : nullptr;
  }

 private:
  void Loop() {
    while (true) {
      {
        MutexLock lock(&mutex_);
        changed_.wait_for(lock.native(), absl::ToChronoNanoseconds(kLookEvery),
                          [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return is_ending_; });
        if (is_ending_) return;
      }
      Look();
    }
  }

  void Look() {
    if (authority_) authority_->Look();
    const absl::Time now = clock_->Now();
    const auto signing = authority();
    const Certificate own = credentials_->Current()->leaf;
    if (signing != nullptr) {
      const std::string why = WhyRenew(own, signing->root(), terms_.controller_id, now, chance_);
      if (!why.empty() && now >= try_at_) Renew(*signing, why, now);
      WarnOf("root " + signing->root().key_id + ", which signs,", signing->root().not_after,
             signing->root().not_after - kRootEndsSoon,
             "Change the CA: docs/security.md has the steps", now, &root_warned_);
    } else {
      WarnOf("the certificate of " + ToString(own.principal), own.not_after, RenewAt(own, 0),
             "Put another one in its place; it is taken over without a restart", now, &warned_);
    }
  }

  void Renew(const identity::Authority& signing, const std::string& why, absl::Time now) {
    try_at_ = now + kTryAgainAfter;
    const absl::Status renewed = WriteRenewed(signing, now);
    if (!renewed.ok()) {
      spdlog::warn(
          "this controller's certificate is to be renewed ({}), and that failed: {}. It is "
          "tried again in {}",
          why, std::string(renewed.message()), absl::FormatDuration(kTryAgainAfter));
      return;
    }
    credentials_->LookNow();
    const Certificate own = credentials_->Current()->leaf;
    if (WhyRenew(own, signing.root(), terms_.controller_id, now, chance_).empty()) {
      try_at_ = absl::InfinitePast();
    }
    spdlog::info("renewed the certificate of {}, for {}; serial {}, until {}",
                 ToString(own.principal), why, own.serial, Utc(own.not_after));
  }

  absl::Status WriteRenewed(const identity::Authority& signing, absl::Time now) {
    const identity::Principal self = {identity::Role::kController, terms_.controller_id};
    HEDDLE_ASSIGN_OR_RETURN(
        const identity::Credentials next,
        IssueLocally(signing, self, now, kOwnLifetime, credentials_->Current()->roots_pem,
                     authority_->cross_pem()));
    FileTerms file;
    file.mode = 0600;
    file.is_of_folder_owner = true;
    return WriteFileAtomically(terms_.files.own(), absl::StrCat(next.key_pem, next.chain_pem),
                               file);
  }

  void WarnOf(const std::string& what, absl::Time end, absl::Time from, const std::string& cure,
              absl::Time now, absl::Time* warned) {
    if (now < from || now < *warned + WarningSpacing(end, now)) return;
    *warned = now;
    spdlog::warn("{} {} at {}. {}", what, now < end ? "ends" : "ended", Utc(end), cure);
  }

  const ControllerTlsTerms terms_;
  const Clock* const clock_;
  const std::unique_ptr<LiveCredentials> credentials_;
  std::optional<LiveAuthority> authority_;  // none: own PKI
  const double chance_;
  absl::Time try_at_ = absl::InfinitePast();
  absl::Time warned_ = absl::InfinitePast(), root_warned_ = absl::InfinitePast();
  Mutex mutex_;
  std::condition_variable changed_;
  bool is_ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

absl::StatusOr<std::unique_ptr<ControllerTls>> ControllerTls::Open(const ControllerTlsTerms& terms,
                                                                   const Clock* clock) {
  const bool is_own = terms.files.folder.empty();
  auto live = LiveCredentials::Open(is_own ? terms.own_pki : terms.files.credentials());
  if (!live.ok()) return Explain(terms, live.status());
  const Certificate& leaf = (*live)->Current()->leaf;
  if (leaf.principal.role != identity::Role::kController) {
    return Explain(terms,
                   absl::FailedPreconditionError(absl::StrCat(
                       "the certificate is of ", ToString(leaf.principal),
                       ", and a controller needs heddle://controller/", terms.controller_id)));
  }
  return std::unique_ptr<ControllerTls>(
      new ControllerTls(std::make_unique<Impl>(terms, *std::move(live), clock)));
}

ControllerTls::ControllerTls(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ControllerTls::~ControllerTls() = default;
const LiveCredentials* ControllerTls::credentials() const { return impl_->credentials(); }
std::shared_ptr<const identity::Authority> ControllerTls::authority() const {
  return impl_->authority();
}

}  // namespace heddle::controller
