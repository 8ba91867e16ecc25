// One TLS handshake, looked at from within.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "identity/credentials.h"

namespace heddle::cli {

// A connected TCP socket to "host:port", or -1. The caller closes it. Nothing on it takes longer
// than `limit`.
int DialTcp(const std::string& controller, absl::Duration limit);

class TlsProbe {
 public:
  enum class End {
    kStands,    // the handshake is done, and the other side did not hang up after it
    kNotTls,    // what came is no TLS
    kHungUp,    // the other side closed, in the handshake or at once after it
    kNoAnswer,  // neither, within the limit
  };

  // `credentials` (may be null): shown to the server, whose certificate is checked against their
  // roots without ending the handshake. `fd` stays the caller's.
  TlsProbe(int fd, const identity::Credentials* credentials);

  End Run();
  bool is_handshake_done() const { return SSL_is_init_finished(ssl_.get()) == 1; }
  // X509_V_OK, or the first thing wrong with the server's certificates.
  int verify_error() const { return verify_error_; }
  // The server's own; null before it came.
  X509* server_certificate() const { return SSL_get0_peer_certificate(ssl_.get()); }

 private:
  template <auto kFree>
  struct FreeWith {
    template <typename T>
    void operator()(T* object) const {
      kFree(object);
    }
  };

  static int OnVerify(int is_ok, X509_STORE_CTX* store);
  void Show(const identity::Credentials& credentials);
  // Goes on with `step` (a handshake, or a read) until it is done or the connection is.
  template <typename Step>
  End Pump(Step&& step);
  bool Flush();

  const int fd_;
  int verify_error_ = X509_V_OK;
  std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, FreeWith<SSL_free>> ssl_;
};

}  // namespace heddle::cli
