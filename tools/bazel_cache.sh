# Sourced by the scripts that call Bazel: sets `cache_flags`, Bazel's flags for a disk cache outside
# the tree, so that a fresh clone does not compile again what an earlier one compiled.
#
# HEDDLE_CACHE names the folder (default: /var/cache/heddle-bazel for root, else ~/.cache/heddle-bazel).
# System headers are no part of Bazel's keys, so there is one cache per set of installed packages.
# What was not read for 30 days is removed.

export HOME=${HOME:-/root} USER=${USER:-$(id -un)}
if [ "$(id -u)" = 0 ]; then
  cache=${HEDDLE_CACHE:-/var/cache/heddle-bazel}
else
  cache=${HEDDLE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/heddle-bazel}
fi
cache_key=$(dpkg-query -W 2> /dev/null | sha256sum | cut -c1-16)
mkdir -p "$cache/$cache_key"
find "$cache" -type f -atime +30 -delete 2> /dev/null || true
cache_flags=(--disk_cache="$cache/$cache_key")
