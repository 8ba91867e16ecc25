#include "node/session.h"

#include <algorithm>
#include <deque>
#include <random>
#include <utility>

#include "absl/container/btree_set.h"
#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "base/backoff.h"
#include "identity/transport.h"
#include "node/connection.h"
#include "node/stream.h"
#include "node/wire.h"
#include "spdlog/spdlog.h"

namespace heddle::node {
namespace {

// Reasons for which there is no stream, before all of them are left out of the log.
constexpr std::size_t kEndsLogged = 64;
// Of one message: a chunk has some hundred peers.
constexpr int kMaxMessageBytes = 16 << 20;
// For names to be looked up, when there are addresses to go on with.
constexpr absl::Duration kNamesWithin = absl::Seconds(1);

}  // namespace

class Session::Impl {
 public:
  Impl(SessionOptions options, Stream::Post post, std::function<Resume()> resume)
      : options_(std::move(options)),
        post_(std::move(post)),
        resume_(std::move(resume)),
        random_(options_.seed),
        backoff_(options_.retry_initial, options_.retry_maximum),
        addresses_(MakeAddresses()) {}

  void UseControllers(std::vector<std::string> controllers) {
    if (controllers == options_.controllers) return;
    options_.controllers = std::move(controllers);
    addresses_ = MakeAddresses();
    round_.clear();
    looking_up_until_.reset();
  }
  void CredentialsChanged(absl::Time now) {
    if (stream_ == nullptr) connect_at_ = std::min(connect_at_, now);
  }

  void Tick(absl::Time now);
  absl::Time next_due() const {
    if (stream_ != nullptr) return silent_at_;
    return looking_up_until_ ? *looking_up_until_ : connect_at_;
  }
  std::optional<Update> Handle(SessionEvent event, absl::Time now);
  void Drop(const absl::Status& reason, absl::Time now);
  void Next() {
    if (stream_ != nullptr && !reading_) {
      reading_ = true;
      stream_->Read();
    }
  }
  void SendAdvertise(const Advertisement& advertisement, const std::vector<Prefix>& preferred) {
    if (!attached_) return;
    advertise_ = EncodeAdvertise(advertisement, preferred);
    Flush();
  }
  void SendApplied(const Applied& applied) {
    if (!attached_) return;
    applied_ = EncodeApplied(applied);
    Flush();
  }

  void SendProbeReport(const ProbeReport& report) {
    if (!attached_) return;
    reports_.push_back(EncodeProbeReport(report));
    Flush();
  }

  bool attached() const { return attached_; }
  std::uint64_t number() const { return number_; }
  const std::string& controller() const { return endpoint_.name; }
  const absl::Status& last_end() const { return last_end_; }
  const std::optional<RefusedCertificate>& refused() const { return refused_; }

 private:
  std::unique_ptr<ControllerAddresses> MakeAddresses() const {
    return std::make_unique<ControllerAddresses>(
        options_.controllers, options_.resolve, [post = post_] {
          post({SessionEvent::Kind::kResolved, 0, Heartbeat{}, true, {}});
        });
  }
  bool BeginRound(absl::Time now);
  void Connect(absl::Time now);
  void WaitAfter(bool served, absl::Time now);
  absl::Duration Spread() const;
  std::string ExplainTlsEnd(const absl::Status& status) const;
  void LogOnce(const std::string& end);
  std::optional<Update> Received(absl::StatusOr<Update> update, absl::Time now);
  void Ended(const absl::Status& status, absl::Time now);
  void Settled();
  void Flush();
  v1::NodeMessage Hello() const;

  SessionOptions options_;
  const Stream::Post post_;
  const std::function<Resume()> resume_;
  std::mt19937_64 random_;
  Backoff backoff_;
  std::unique_ptr<ControllerAddresses> addresses_;
  std::vector<Endpoint> round_;                               // not tried yet, the next one last
  Endpoint endpoint_;                                         // of stream_, or tried last
  std::shared_ptr<const identity::Credentials> credentials_;  // of stream_, or tried last
  std::optional<absl::Time> looking_up_until_;                // a round waits for names

  std::unique_ptr<Stream> stream_;
  std::uint64_t number_ = 0;  // of stream_, or of the last one
  absl::Time connect_at_ = absl::InfinitePast();
  absl::Time silent_at_ = absl::InfiniteFuture();
  absl::Duration silence_;  // allowed between two messages
  bool attached_ = false, reading_ = false, writing_ = false;
  bool over_ = false;     // nothing more comes but its status, and nothing more may be written
  bool settled_ = false;  // the stream has sent all there was
  std::string controller_version_;
  absl::Status last_end_;
  std::optional<RefusedCertificate> refused_;
  absl::btree_set<std::string> logged_ends_;  // one line for each reason, not for each attempt
  std::optional<v1::NodeMessage> advertise_, applied_;
  std::deque<v1::NodeMessage> reports_;  // bounded by the requests that they answer
};

void Session::Impl::Tick(absl::Time now) {
  if (stream_ == nullptr) {
    if (connect_at_ > now) return;
    credentials_ = options_.insecure ? nullptr : options_.credentials();
    if (credentials_ == nullptr && !options_.insecure) {
      connect_at_ = absl::InfiniteFuture();  // CredentialsChanged sets another time
    } else if (!round_.empty() || BeginRound(now)) {
      Connect(now);
    }
  } else if (silent_at_ <= now) {
    Drop(absl::DeadlineExceededError(absl::StrCat("controller ", controller(), " is silent")), now);
  }
}

// False: names are being looked up, or nothing is known to connect to.
bool Session::Impl::BeginRound(absl::Time now) {
  if (!looking_up_until_) {
    const bool some_known = !addresses_->Known().empty();
    looking_up_until_ = now + (some_known ? std::min(kNamesWithin, options_.welcome_timeout)
                                          : options_.welcome_timeout);
    addresses_->LookUp();
  }
  if (addresses_->looking_up() && now < *looking_up_until_) return false;
  looking_up_until_.reset();
  round_ = addresses_->Known();
  std::shuffle(round_.begin(), round_.end(), random_);
  const auto last = std::find(round_.begin(), round_.end(), endpoint_);
  if (last != round_.end()) std::rotate(round_.begin(), last, last + 1);
  if (!addresses_->status().ok()) LogOnce(std::string(addresses_->status().message()));
  if (!round_.empty()) return true;
  last_end_ = addresses_->status();
  if (last_end_.ok()) last_end_ = absl::UnavailableError("the controllers' names take long");
  WaitAfter(/*served=*/false, now);
  return false;
}

void Session::Impl::Connect(absl::Time now) {
  endpoint_ = std::move(round_.back());
  round_.pop_back();
  ++number_;
  silent_at_ = now + options_.welcome_timeout;
  reading_ = writing_ = true;
  ConnectionTerms terms{grpc::InsecureChannelCredentials(), options_.server_name, kMaxMessageBytes};
  if (credentials_ != nullptr) terms.credentials = identity::ChannelCredentialsOf(*credentials_);
  stream_ = std::make_unique<Stream>(number_, MakeChannel(endpoint_, terms), post_);
  stream_->Write(Hello());
}

v1::NodeMessage Session::Impl::Hello() const {
  v1::NodeMessage message;
  v1::Hello* hello = message.mutable_hello();
  hello->set_protocol_version(1);
  hello->set_node_id(options_.node_id);
  hello->set_instance_id(options_.instance_id);
  hello->set_software_version(options_.software_version);
  hello->set_can_probe(true);
  const Resume resume = resume_();
  if (!resume.position.history.empty()) {
    hello->mutable_resume()->set_history(resume.position.history);
    hello->mutable_resume()->set_revision(resume.position.revision);
    hello->set_set_hash(resume.set_hash);
    hello->set_need_snapshot(resume.need_snapshot);
  }
  return message;
}

std::optional<Update> Session::Impl::Handle(SessionEvent event, absl::Time now) {
  if (stream_ == nullptr || event.stream != number_) return std::nullopt;
  switch (event.kind) {
    case SessionEvent::Kind::kRead:
      reading_ = false;
      if (event.ok) return Received(std::move(event.update), now);
      over_ = true;
      stream_->Release();  // the status follows as kEnded
      break;
    case SessionEvent::Kind::kWritten:
      writing_ = false;
      if (event.ok) Flush();
      break;
    case SessionEvent::Kind::kEnded:
      Ended(event.status, now);
      break;
    case SessionEvent::Kind::kResolved:
    case SessionEvent::Kind::kWake:  // Tick goes on
      break;
  }
  return std::nullopt;
}

std::optional<Update> Session::Impl::Received(absl::StatusOr<Update> update, absl::Time now) {
  if (!update.ok()) {
    Drop(update.status(), now);
    return std::nullopt;
  }
  const Welcome* welcome = std::get_if<Welcome>(&*update);
  if (attached_ == (welcome != nullptr)) {
    Drop(absl::InvalidArgumentError(attached_ ? "the controller said Welcome twice"
                                              : "the controller did not begin with Welcome"),
         now);
    return std::nullopt;
  }
  if (welcome != nullptr) {
    attached_ = true;
    refused_.reset();
    silence_ = welcome->heartbeat * options_.silent_heartbeats;
    controller_version_ = welcome->controller_version;
  }
  if (std::holds_alternative<Synced>(*update)) Settled();
  silent_at_ = now + silence_;
  return *std::move(update);
}

// A controller that says Welcome only to refuse the lease, or to lose the stream at once, is one to
// wait for, too, and worth one line in the log, not one for each attempt.
void Session::Impl::Settled() {
  backoff_.Reset();
  if (std::exchange(settled_, true)) return;
  logged_ends_.clear();
  spdlog::info("attached to controller {} ({})", controller(), controller_version_);
}

void Session::Impl::Ended(const absl::Status& status, absl::Time now) {
  stream_.reset();
  const bool served = settled_;
  attached_ = settled_ = reading_ = writing_ = over_ = false;
  advertise_.reset();
  applied_.reset();
  reports_.clear();
  last_end_ = status;
  if (absl::IsUnauthenticated(status) && credentials_ != nullptr) {
    refused_ = {credentials_->leaf.serial, std::string(status.message())};
  }
  const std::string meaning = served ? "" : ExplainTlsEnd(status);
  LogOnce(absl::StrCat("no stream to controller ", controller(), ": ", status.message(),
                       meaning.empty() ? "" : "; ", meaning));
  WaitAfter(served, now);
}

std::string Session::Impl::ExplainTlsEnd(const absl::Status& status) const {
  if (credentials_ == nullptr) return "";
  const std::string& name = options_.server_name.empty() ? endpoint_.host : options_.server_name;
  return ExplainTls(status, name);
}

void Session::Impl::LogOnce(const std::string& end) {
  if (logged_ends_.size() >= kEndsLogged || !logged_ends_.insert(end).second) return;
  spdlog::warn("{}; trying until one answers, the data plane stays as it is", end);
}

void Session::Impl::WaitAfter(bool served, absl::Time now) {
  const absl::Duration spread = Spread();
  backoff_.set_maximum(std::max(options_.retry_maximum, spread));
  if (served) {
    round_.clear();
    connect_at_ = now + absl::Uniform(random_, 0.0, 1.0) * spread;
  } else {
    connect_at_ = round_.empty() ? now + backoff_.Next(random_) : now;
  }
}

absl::Duration Session::Impl::Spread() const {
  return std::max(options_.spread_minimum,
                  options_.spread_per_peer * static_cast<double>(resume_().peers));
}

void Session::Impl::Drop(const absl::Status& reason, absl::Time now) {
  if (stream_ == nullptr) return;
  stream_->Cancel();
  Ended(reason, now);
}

void Session::Impl::Flush() {
  if (writing_ || over_ || stream_ == nullptr) return;
  std::optional<v1::NodeMessage>& merged = advertise_ ? advertise_ : applied_;
  if (!merged && reports_.empty()) return;
  writing_ = true;
  if (merged) {
    stream_->Write(*std::exchange(merged, std::nullopt));
  } else {
    stream_->Write(std::move(reports_.front()));
    reports_.pop_front();
  }
}

Session::Session(SessionOptions options, std::function<void(SessionEvent)> post,
                 std::function<Resume()> resume)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(post), std::move(resume))) {}
Session::~Session() = default;

void Session::UseControllers(std::vector<std::string> controllers) {
  impl_->UseControllers(std::move(controllers));
}
void Session::CredentialsChanged(absl::Time now) { impl_->CredentialsChanged(now); }
void Session::Tick(absl::Time now) { impl_->Tick(now); }
absl::Time Session::next_due() const { return impl_->next_due(); }
std::optional<Update> Session::Handle(SessionEvent event, absl::Time now) {
  return impl_->Handle(std::move(event), now);
}
void Session::Next() { impl_->Next(); }
void Session::Drop(const absl::Status& reason, absl::Time now) { impl_->Drop(reason, now); }
void Session::SendAdvertise(const Advertisement& advertisement,
                            const std::vector<Prefix>& preferred) {
  impl_->SendAdvertise(advertisement, preferred);
}
void Session::SendApplied(const Applied& applied) { impl_->SendApplied(applied); }
void Session::SendProbeReport(const ProbeReport& report) { impl_->SendProbeReport(report); }
bool Session::attached() const { return impl_->attached(); }
std::uint64_t Session::stream() const { return impl_->number(); }
const std::string& Session::controller() const { return impl_->controller(); }
const absl::Status& Session::last_end() const { return impl_->last_end(); }
const std::optional<RefusedCertificate>& Session::refused() const { return impl_->refused(); }

}  // namespace heddle::node
