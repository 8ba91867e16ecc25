#include "storage/etcd/test_certificates.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/program.h"
#include "base/status_macros.h"

namespace heddle::storage {
namespace {

absl::Status Openssl(std::vector<std::string> words) {
  ProgramOptions options;
  options.words = std::move(words);
  options.words.insert(options.words.begin(), "openssl");
  HEDDLE_ASSIGN_OR_RETURN(const ProgramEnd end, RunProgram(options));
  return end.status();
}

class Authority {
 public:
  explicit Authority(std::string folder) : folder_(std::move(folder)) {}

  std::string File(const std::string& name) const { return absl::StrCat(folder_, "/", name); }

  absl::Status Make() const {
    return Openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=etcd test CA", "-keyout", File("ca.key"),
                    "-out", File("ca.crt")});
  }

  absl::Status Issue(const std::string& name, const std::string& common_name,
                     const std::string& extensions) const {
    HEDDLE_RETURN_IF_ERROR(WriteFileAtomically(File(name + ".ext"), extensions, 0600));
    HEDDLE_RETURN_IF_ERROR(Openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                                    "-nodes", "-subj", "/CN=" + common_name, "-keyout",
                                    File(name + ".key"), "-out", File(name + ".csr")}));
    return Openssl({"x509", "-req", "-in", File(name + ".csr"), "-CA", File("ca.crt"), "-CAkey",
                    File("ca.key"), "-CAcreateserial", "-days", "2", "-extfile",
                    File(name + ".ext"), "-out", File(name + ".crt")});
  }

 private:
  const std::string folder_;
};

}  // namespace

absl::StatusOr<TestCertificates> MakeTestCertificates(const std::string& folder) {
  const Authority authority(folder);
  HEDDLE_RETURN_IF_ERROR(authority.Make());
  // etcd's own gateway is a client of the server, with the server's certificate.
  HEDDLE_RETURN_IF_ERROR(authority.Issue(
      "server", "etcd",
      "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:127.0.0.11,IP:127.0.0.12,IP:127.0.0.13\n"
      "extendedKeyUsage=serverAuth,clientAuth\n"));
  HEDDLE_RETURN_IF_ERROR(authority.Issue("client", "heddle", "extendedKeyUsage=clientAuth\n"));
  return TestCertificates{authority.File("ca.crt"), authority.File("client.crt"),
                          authority.File("client.key")};
}

}  // namespace heddle::storage
