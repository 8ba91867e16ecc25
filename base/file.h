// Whole small files, read with a bound and replaced atomically.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace heddle {

// The content of `path`. NotFound when there is none; ResourceExhausted above `limit_bytes`;
// Unavailable, with errno's text, for anything else.
absl::StatusOr<std::string> ReadFile(const std::string& path, std::size_t limit_bytes = 64 << 20);

// Replaces `path` so that a reader, or a machine that loses power, sees the old content or the new
// and nothing between: temporary file beside it, fsync, rename, fsync of the folder. Makes missing
// folders (0755). `mode` is the file's permission bits. On error the old file is as it was.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view content, int mode);

struct FileTerms {
  int mode = 0644;
  bool must_be_new = false;  // AlreadyExists, and nothing is changed, when there is such a file
  // Root writes for the program whose folder it is: the file is its folder's owner's.
  bool is_of_folder_owner = false;
};
// The same, on these terms.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view content,
                                 const FileTerms& terms);
// Makes `path`, with `mode`, for the owner of the folder it is in, which exists. OK when it exists.
absl::Status MakeFolderOfOwner(const std::string& path, int mode);

// The folder that `path` is in; "." when it does not say.
std::string FolderOf(const std::string& path);

// Makes `path` and missing parents, each with `mode`. OK when it exists.
absl::Status MakeFolders(const std::string& path, int mode);

}  // namespace heddle
