#include "cli/tls_probe.h"

#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "absl/strings/string_view.h"

namespace heddle::cli {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

int DialOne(const addrinfo& at, const timeval& limit) {
  const int fd = socket(at.ai_family, at.ai_socktype | SOCK_CLOEXEC, at.ai_protocol);
  if (fd < 0) return -1;
  const bool is_connected = setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 &&
                            setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0 &&
                            connect(fd, at.ai_addr, at.ai_addrlen) == 0;
  if (is_connected) return fd;
  close(fd);
  return -1;
}

// What OpenSSL says of bytes that never were a TLS record.
bool IsNotTls(unsigned long error) {
  switch (ERR_GET_REASON(error)) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_UNEXPECTED_MESSAGE:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
      return true;
    default:
      return false;
  }
}

}  // namespace

int DialTcp(const std::string& controller, absl::Duration limit) {
  const std::size_t colon = controller.rfind(':');
  if (colon == std::string::npos) return -1;
  std::string host = controller.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), controller.c_str() + colon + 1, &wanted, &found) != 0) return -1;
  const std::unique_ptr<addrinfo, FreeAddresses> list(found);
  const timeval time = absl::ToTimeval(limit);
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    if (const int fd = DialOne(*at, time); fd >= 0) return fd;
  }
  return -1;
}

TlsProbe::TlsProbe(int fd, const std::string* roots_pem)
    : fd_(fd), context_(SSL_CTX_new(TLS_client_method())) {
  ERR_clear_error();
  SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
  if (roots_pem != nullptr) Believe(*roots_pem);
  ssl_.reset(SSL_new(context_.get()));
  SSL_set_app_data(ssl_.get(), this);
  static constexpr unsigned char kHttp2[] = {2, 'h', '2'};
  SSL_set_alpn_protos(ssl_.get(), kHttp2, sizeof kHttp2);
  // Memory between the two, since a write by OpenSSL itself to a closed socket raises SIGPIPE.
  SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  SSL_set_connect_state(ssl_.get());
}

void TlsProbe::Believe(const std::string& roots_pem) {
  const std::unique_ptr<BIO, FreeWith<BIO_free_all>> reader(
      BIO_new_mem_buf(roots_pem.data(), static_cast<int>(roots_pem.size())));
  X509_STORE* const store = SSL_CTX_get_cert_store(context_.get());
  while (X509* root = PEM_read_bio_X509(reader.get(), nullptr, nullptr, nullptr)) {
    X509_STORE_add_cert(store, root);
    X509_free(root);
  }
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, &TlsProbe::OnVerify);
  ERR_clear_error();  // the end of the list
}

int TlsProbe::OnVerify(int is_ok, X509_STORE_CTX* store) {
  const auto* ssl = static_cast<const SSL*>(
      X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* self = static_cast<TlsProbe*>(SSL_get_app_data(ssl));
  if (is_ok != 1 && self->verify_error_ == X509_V_OK) {
    self->verify_error_ = X509_STORE_CTX_get_error(store);
  }
  return 1;
}

bool TlsProbe::Flush() {
  char* bytes = nullptr;
  BIO* const out = SSL_get_wbio(ssl_.get());
  const long size = BIO_get_mem_data(out, &bytes);
  absl::string_view rest(bytes, static_cast<std::size_t>(size));
  while (!rest.empty()) {
    const ssize_t sent = send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  BIO_reset(out);
  return true;
}

TlsProbe::End TlsProbe::Run() {
  std::array<char, 16 << 10> bytes;
  while (true) {
    const int done = SSL_do_handshake(ssl_.get());
    const int error = SSL_get_error(ssl_.get(), done);
    // What is left to read may say more than a write that fails.
    Flush();
    if (done > 0) return End::kShaken;
    if (error != SSL_ERROR_WANT_READ) {
      return IsNotTls(ERR_peek_error()) ? End::kNotTls : End::kNoHandshake;
    }
    const ssize_t got = recv(fd_, bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return End::kNoHandshake;
    BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(got));
  }
}

}  // namespace heddle::cli
