// One TLS handshake, looked at from within.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "absl/time/time.h"

namespace heddle::cli {

// A connected TCP socket to "host:port", or -1. The caller closes it. Nothing on it takes longer
// than `limit`.
int DialTcp(const std::string& controller, absl::Duration limit);

class TlsProbe {
 public:
  enum class End {
    kShaken,       // the handshake is done
    kNotTls,       // what came is no TLS
    kNoHandshake,  // the other side closed, or said nothing within the limit
  };

  // `roots_pem` (may be null): what the server's certificate is checked against, without ending the
  // handshake. `fd` stays the caller's.
  TlsProbe(int fd, const std::string* roots_pem);

  End Run();
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
  void Believe(const std::string& roots_pem);
  bool Flush();

  const int fd_;
  int verify_error_ = X509_V_OK;
  std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, FreeWith<SSL_free>> ssl_;
};

}  // namespace heddle::cli
