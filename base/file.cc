#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace heddle {
namespace {

absl::Status Failed(absl::string_view what, const std::string& path) {
  const int error = errno;
  const std::string text = absl::StrCat("cannot ", what, " ", path, ": ", strerror(error));
  if (error == ENOENT) return absl::NotFoundError(text);
  if (error == EEXIST) return absl::AlreadyExistsError(text);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(text);
  if (error == ENOSPC || error == EDQUOT) return absl::ResourceExhaustedError(text);
  return absl::UnavailableError(text);
}

absl::Status SyncFolder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Failed("open the folder", folder);
  const int result = fsync(fd);
  close(fd);
  return result == 0 ? absl::OkStatus() : Failed("sync the folder", folder);
}

absl::Status WriteAll(int fd, absl::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed("write", path);
    content.remove_prefix(written);
  }
  return fsync(fd) == 0 ? absl::OkStatus() : Failed("sync", path);
}

// Only root can give a file away; who else runs this owns what it makes.
absl::Status GiveToOwnerOf(const std::string& folder, int fd, const std::string& path) {
  if (geteuid() != 0) return absl::OkStatus();
  struct stat info;
  if (stat(folder.c_str(), &info) != 0) return Failed("look at the folder", folder);
  return fchown(fd, info.st_uid, info.st_gid) == 0 ? absl::OkStatus()
                                                   : Failed("set the owner of", path);
}

// A name that is taken is only found by link, which, unlike rename, takes nobody's place.
absl::Status Place(const std::string& temporary, const std::string& path, bool must_be_new) {
  if (!must_be_new) {
    return rename(temporary.c_str(), path.c_str()) == 0 ? absl::OkStatus()
                                                        : Failed("replace", path);
  }
  if (link(temporary.c_str(), path.c_str()) != 0) return Failed("make", path);
  unlink(temporary.c_str());
  return absl::OkStatus();
}

}  // namespace

std::string FolderOf(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

absl::StatusOr<std::string> ReadFile(const std::string& path, std::size_t limit_bytes) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Failed("open", path);
  const auto close_it = absl::MakeCleanup([fd] { close(fd); });
  std::string content;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t count = read(fd, buffer, sizeof(buffer));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failed("read", path);
    if (count == 0) return content;
    content.append(buffer, count);
    if (content.size() > limit_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, " is larger than ", limit_bytes, " bytes"));
    }
  }
}

absl::Status MakeFolders(const std::string& path, int mode) {
  for (std::size_t at = 1; at <= path.size(); ++at) {
    if (at != path.size() && path[at] != '/') continue;
    const std::string folder = path.substr(0, at);
    if (mkdir(folder.c_str(), mode) != 0 && errno != EEXIST) {
      return Failed("make the folder", folder);
    }
  }
  return absl::OkStatus();
}

absl::Status MakeFolderOfOwner(const std::string& path, int mode) {
  if (mkdir(path.c_str(), mode) != 0) {
    return errno == EEXIST ? absl::OkStatus() : Failed("make the folder", path);
  }
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return Failed("open the folder", path);
  const auto close_it = absl::MakeCleanup([fd] { close(fd); });
  return GiveToOwnerOf(FolderOf(path), fd, path);
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view content, int mode) {
  FileTerms terms;
  terms.mode = mode;
  return WriteFileAtomically(path, content, terms);
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view content,
                                 const FileTerms& terms) {
  HEDDLE_RETURN_IF_ERROR(MakeFolders(FolderOf(path), 0755));
  std::string temporary = path + ".XXXXXX";
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return Failed("make a temporary file beside", path);
  absl::Status status = WriteAll(fd, content, path);  // not of a name that nobody chose
  if (status.ok() && terms.is_of_folder_owner) status = GiveToOwnerOf(FolderOf(path), fd, path);
  if (status.ok() && fchmod(fd, terms.mode) != 0) status = Failed("set the mode of", path);
  close(fd);
  if (status.ok()) status = Place(temporary, path, terms.must_be_new);
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  return SyncFolder(FolderOf(path));
}

}  // namespace heddle
