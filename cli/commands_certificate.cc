// cert list|show|create|revoke|renew

#include <sys/stat.h>

#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "cli/command_line.h"
#include "cli/lookup.h"
#include "cli/renewal.h"
#include "cli/text.h"
#include "cli/views.h"

namespace heddle::cli {
namespace {

constexpr char kSeeList[] = "heddlectl cert list";

ExitCode ListCertificates(Session& session, bool all) {
  v1::ListCertificatesRequest request;
  request.set_include_superseded(all);
  return session.Show("cannot list the certificates", session.client().ListCertificates(request),
                      [&](const v1::ListCertificatesResponse& answer) -> absl::StatusOr<View> {
                        return CertificateListView(answer, session.Now());
                      });
}

// Of the file named, or of what would be proven with.
ExitCode ShowIdentity(Session& session, IdentityOptions options, const std::string& file) {
  if (!file.empty()) options = {file, "", "", "", options.server_name, false};
  if (options.is_insecure) return session.FailUsage("with --insecure no identity is in use.");
  if (const absl::Status valid = Validate(options); !valid.ok()) {
    return session.FailUsage(valid.message());
  }
  const auto identity = FindIdentity(options, DefaultIdentityPlaces());
  if (!identity.ok()) return session.FailUsage(Printable(identity.status().message()));
  const auto view = IdentityView(*identity, session.Now());
  return view.ok() ? session.Print(*view)
                   : session.Fail(absl::StrCat("cannot show ", identity->path), view.status());
}

struct Creation {
  std::string role, name, file, ttl;
};

absl::StatusOr<identity::Credentials> Issue(Session& session, const Creation& wanted,
                                            const identity::Principal& principal,
                                            absl::Duration ttl) {
  HEDDLE_ASSIGN_OR_RETURN(const identity::PrivateKey key, identity::PrivateKey::Generate());
  v1::IssueCertificateRequest request;
  request.set_role(wanted.role);
  request.set_name(wanted.name);
  request.set_ttl_seconds(static_cast<std::uint32_t>(absl::ToInt64Seconds(ttl)));
  HEDDLE_ASSIGN_OR_RETURN(*request.mutable_certificate_request_pem(),
                          identity::MakeCertificateRequest(key, principal));
  HEDDLE_ASSIGN_OR_RETURN(const v1::IssuedCertificate issued,
                          session.client().IssueCertificate(request));
  return CheckIssued(issued, key, principal);
}

ExitCode CreateCertificate(Session& session, const Creation& wanted) {
  const std::string whose = absl::StrCat(wanted.role, "/", wanted.name);
  const auto principal = identity::ParsePrincipal(whose);
  if (!principal.ok()) return session.FailUsage(absl::StrCat(principal.status().message(), "."));
  absl::Duration ttl;
  if (!wanted.ttl.empty()) {
    const auto parsed = ParseLifetime(wanted.ttl);
    if (!parsed.ok()) {
      return session.FailUsage(absl::StrCat("--ttl: ", parsed.status().message(), "."));
    }
    ttl = *parsed;
  }
  struct stat present;
  if (lstat(wanted.file.c_str(), &present) == 0) {
    return session.FailUsage(absl::StrCat(wanted.file,
                                          " exists, and an identity in it would be lost. Name "
                                          "another file with --out, or move that one away."));
  }
  const std::string what = absl::StrCat("cannot create a certificate for ", whose);
  const auto credentials = Issue(session, wanted, *principal, ttl);
  if (!credentials.ok()) return session.Fail(what, credentials.status());
  const absl::Status written = identity::WriteIdentityFile(wanted.file, *credentials);
  if (!written.ok()) return session.Fail(what, written);
  return session.Print(
      IssuedView(absl::StrCat("Wrote the identity of ", whose, " to ", wanted.file,
                              ", mode 0600. Whoever has that file is ", whose, "."),
                 wanted.file, *credentials));
}

struct Revocation {
  std::string serial, node_id, principal;
  bool release = false;
};

ExitCode Revoke(Session& session, const Revocation& wanted) {
  const int said = !wanted.serial.empty() + !wanted.node_id.empty() + !wanted.principal.empty();
  if (said != 1) {
    return session.FailUsage(
        "say what to revoke by one of: a serial, --node ID, --principal ROLE/NAME.");
  }
  v1::RevokeCertificateRequest request;
  request.set_serial(wanted.serial);
  request.set_principal(wanted.node_id.empty() ? wanted.principal
                                               : absl::StrCat("node/", wanted.node_id));
  request.set_release_lease(wanted.release);
  if (wanted.release && !absl::StartsWith(request.principal(), "node/")) {
    return session.FailUsage("--release is of a node's lease: give --node with it.");
  }
  const std::string whose = request.principal().empty()
                                ? absl::StrCat("certificate ", wanted.serial)
                                : absl::StrCat("all certificates of ", request.principal());
  if (!session.Confirm(absl::StrCat(
          "Revoke ", whose, wanted.release ? " and release its lease" : "",
          "? It cannot be taken back; who is to go on needs a new ticket or certificate."))) {
    return session.FailUsage("nothing has been revoked.");
  }
  const auto answer = session.client().RevokeCertificate(request);
  if (!answer.ok()) {
    return session.Fail(absl::StrCat("cannot revoke ", whose),
                        SeeInstead(answer.status(), kSeeList));
  }
  return session.Print(RevokedView(
      *answer, request.principal().empty() ? wanted.serial : request.principal(), wanted.release));
}

ExitCode Renew(Session& session) {
  if (!session.identity() || !session.identity()->is_file) {
    return session.FailUsage("only an identity file can be renewed. Name it with --identity.");
  }
  const Identity identity = *session.identity();
  const auto renewed = RenewIdentity(identity, &session.client());
  if (!renewed.ok()) {
    return session.Fail(absl::StrCat("cannot renew ", identity.path), renewed.status());
  }
  session.TakeIdentity(*renewed);
  return session.Print(
      IssuedView(absl::StrCat("Renewed ", identity::ToString(renewed->leaf.principal), " in ",
                              identity.path, "."),
                 identity.path, *renewed));
}

void AddCreate(CLI::App* cert, CommandLine* line) {
  auto wanted = std::make_shared<Creation>();
  CLI::App* create = AddCommand(
      cert, line, "create",
      "Make an identity for a person, a program or another controller: a key that is made here, "
      "and a certificate for it, in one file of mode 0600. An admin may everything, a viewer "
      "everything that changes nothing.",
      [wanted](Session& session) { return CreateCertificate(session, *wanted); });
  create->add_option("name", wanted->name, "Whose it is: letters, digits, '.', '_' and '-'.")
      ->required()
      ->type_name("NAME");
  create->add_option("--role", wanted->role, "What it may do.")
      ->required()
      ->check(CLI::IsMember({"viewer", "admin", "controller"}).description(""))
      ->type_name("viewer|admin|controller");
  create->add_option("--out", wanted->file, "The identity file to write; it must not exist.")
      ->required()
      ->type_name(kFileType);
  create
      ->add_option("--ttl", wanted->ttl,
                   "For how long: 12h, 30d. The default is the controller's, a year. heddlectl "
                   "renews its identity in time.")
      ->type_name("TIME");
}

void AddRevoke(CLI::App* cert, CommandLine* line) {
  auto wanted = std::make_shared<Revocation>();
  CLI::App* revoke = AddCommand(
      cert, line, "revoke",
      "Revoke one certificate, or all that somebody has. What they have open with any controller "
      "ends within a second, and none lets them in again. A node's packets go on until its lease "
      "is released, with --release or later.",
      [wanted](Session& session) { return Revoke(session, *wanted); });
  revoke
      ->add_option("serial", wanted->serial,
                   "The certificate's serial, as \"heddlectl cert list\" shows it.")
      ->type_name(kSerialType);
  revoke->add_option("--node", wanted->node_id, "All certificates of this node.")
      ->type_name(kNodeType);
  revoke
      ->add_option("--principal", wanted->principal,
                   "All certificates of this one: admin/alice, viewer/bob, controller/c1.")
      ->type_name("ROLE/NAME");
  revoke->add_flag("--release", wanted->release, "Release the node's lease, too.");
  AddYesOption(revoke, line);
}

}  // namespace

void AddCertificateCommands(CommandLine* line) {
  CLI::App* cert =
      AddGroup(&line->app, "cert", "Show, make, renew and revoke certificates: who may do what.");
  auto all = std::make_shared<bool>(false);
  CLI::App* list = AddListCommand(
      cert, line, "list",
      "List the newest certificate of everybody, and every revoked one: until when, when it was "
      "revoked, and on whose word it was issued.",
      [all](Session& session) { return ListCertificates(session, *all); });
  list->add_flag("--all", *all, "List those, too, that a newer one has taken the place of.");
  AddRevoke(cert, line);
  AddCreate(cert, line);

  auto file = std::make_shared<std::string>();
  CLI::App* show = AddLocalCommand(
      cert, line, "show",
      "Show who an identity file says its holder is, until when, and which authorities it "
      "believes. Without a file, of the identity in use. Asks no controller; never shows the key.",
      [file, line](Session& session) {
        return ShowIdentity(session, line->options.identity, *file);
      });
  show->add_option("file", *file, "The identity file.")->type_name(kFileType);

  AddCommand(cert, line, "renew",
             "Renew the identity file in use now. Without this, each command that is done renews "
             "it in the last third of its life, if it is the user's own file.",
             Renew);
}

}  // namespace heddle::cli
