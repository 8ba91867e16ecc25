#include "identity/test_x509.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <cstdlib>
#include <iostream>

#include "identity/extensions.h"
#include "identity/openssl.h"

namespace heddle::identity {
namespace {

void Require(bool condition, const char* what) {
  if (condition) return;
  std::cerr << WithReason(what) << std::endl;
  std::abort();
}

KeyOwner ReadKey(const std::string& pem) {
  const BioOwner reader(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  KeyOwner key(PEM_read_bio_PrivateKey(reader.get(), nullptr, &NoPassPhrase, nullptr));
  Require(key != nullptr, "read a test key");
  return key;
}

std::string KeyPem(const KeyOwner& key) {
  Require(key != nullptr, "make a test key");
  const BioOwner memory(BIO_new(BIO_s_mem()));
  Require(PEM_write_bio_PKCS8PrivateKey(memory.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                        nullptr) == 1,
          "write a test key");
  return WrittenTo(memory.get());
}

const EVP_MD* DigestFor(EVP_PKEY* key) {
  return EVP_PKEY_is_a(key, "ED25519") ? nullptr : EVP_sha256();
}

ExtensionOwner NamesExtension(const std::vector<TestName>& wanted) {
  const NamesOwner names(GENERAL_NAMES_new());
  for (const TestName& name : wanted) {
    ASN1_IA5STRING* const value = ASN1_IA5STRING_new();
    ASN1_STRING_set(value, name.value.data(), static_cast<int>(name.value.size()));
    GENERAL_NAME* const entry = GENERAL_NAME_new();
    GENERAL_NAME_set0_value(entry, name.is_uri ? GEN_URI : GEN_DNS, value);
    sk_GENERAL_NAME_push(names.get(), entry);
  }
  return ExtensionOwner(X509V3_EXT_i2d(NID_subject_alt_name, 0, names.get()));
}

void SetSerial(X509* certificate, const std::string& hex) {
  BIGNUM* parsed = nullptr;
  Require(BN_hex2bn(&parsed, hex.c_str()) > 0, "read a test serial");
  const NumberOwner number(parsed);
  Require(BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr,
          "set a test serial");
}

}  // namespace

TestPair Make(const TestX509& wanted) {
  const std::string key_pem = wanted.key_pem.empty() ? MakeEcKey("P-256") : wanted.key_pem;
  const KeyOwner key = ReadKey(key_pem);
  const X509Owner certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  X509_set_pubkey(certificate.get(), key.get());
  SetSerial(certificate.get(), wanted.serial_hex);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), absl::ToTimeT(wanted.not_before));
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), absl::ToTimeT(wanted.not_after));
  Require(SetName(X509_get_subject_name(certificate.get()), "test").ok(), "name");
  for (const auto& [nid, text] : {std::pair(NID_key_usage, wanted.key_usage),
                                  {NID_ext_key_usage, wanted.extended_key_usage},
                                  {NID_basic_constraints, wanted.basic_constraints}}) {
    if (*text != '\0') Require(AddExtension(certificate.get(), nid, text).ok(), "extension");
  }
  if (!wanted.names.empty()) {
    const ExtensionOwner names = NamesExtension(wanted.names);
    for (int i = 0; i < (wanted.second_names ? 2 : 1); ++i) {
      Require(X509_add_ext(certificate.get(), names.get(), -1) == 1, "add test names");
    }
  }
  const KeyOwner signer = ReadKey(wanted.root_key.empty() ? key_pem : wanted.root_key);
  if (wanted.root_pem.empty()) {
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  } else {
    const auto roots = ReadCertificates(wanted.root_pem);
    Require(roots.ok() && !roots->empty(), "read a test root");
    X509_set_issuer_name(certificate.get(), X509_get_subject_name((*roots)[0].get()));
  }
  Require(X509_sign(certificate.get(), signer.get(), DigestFor(signer.get())) > 0, "sign");
  const auto pem = PemOf(certificate.get());
  Require(pem.ok(), "write a test certificate");
  return {*pem, key_pem};
}

std::string MakeRsaKey(int bits) {
  return KeyPem(KeyOwner(EVP_RSA_gen(static_cast<unsigned int>(bits))));
}

std::string MakeEcKey(const char* curve) { return KeyPem(KeyOwner(EVP_EC_gen(curve))); }

std::string MakeEd25519Key() {
  return KeyPem(KeyOwner(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")));
}

std::string MakeRequest(const std::string& key_pem, const std::string& signing_key_pem) {
  const KeyOwner key = ReadKey(key_pem), signer = ReadKey(signing_key_pem);
  const RequestOwner request(X509_REQ_new());
  Require(X509_REQ_set_pubkey(request.get(), key.get()) == 1, "set a test key");
  Require(X509_REQ_sign(request.get(), signer.get(), DigestFor(signer.get())) > 0, "sign");
  const BioOwner memory(BIO_new(BIO_s_mem()));
  Require(PEM_write_bio_X509_REQ(memory.get(), request.get()) == 1, "write a test request");
  return WrittenTo(memory.get());
}

}  // namespace heddle::identity
