#!/bin/bash
# Installs what building, testing and the quickstart need, on Debian 12. Does nothing, fast, when all
# of it is there. As another user than root it goes through sudo.
#
#   tools/setup.sh              build, tests, quickstart
#   tools/setup.sh --develop    clang (fuzzing), clang-format, clang-tidy and gcovr as well
set -euo pipefail

packages=(
  # The build.
  bazel-bootstrap g++ pkg-config python3
  # Libraries; third_party/system_deps.bzl names what is used of each.
  libabsl-dev libbenchmark-dev libcli11-dev libgmock-dev libgrpc++-dev libgtest-dev
  libnl-3-dev libprotobuf-dev libre2-dev librocksdb-dev libspdlog-dev libssl-dev
  libsystemd-dev libxxhash-dev nlohmann-json3-dev protobuf-compiler protobuf-compiler-grpc
  # What tests and quickstart run.
  etcd-client etcd-server ethtool iproute2 iputils-ping nftables openssl procps util-linux
  wireguard-tools
  # The emulated machine with Debian's stock kernel (tests/guest).
  busybox-static cpio kmod qemu-system-x86
)
case "${1:-}" in
  "") ;;
  --develop) packages+=(clang clang-format clang-tidy gcovr lld) ;;
  *)
    echo "setup.sh: unknown argument '$1'; the only one is --develop" >&2
    exit 2
    ;;
esac

missing_packages() {
  local installed
  # dpkg-query fails when it has never heard of one of them, which is just what is asked.
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null |
    sed -n 's/^installed //p') || true
  local package
  for package in "${packages[@]}"; do
    grep -qxF -- "$package" <<< "$installed" || echo "$package"
  done
}

if ! command -v dpkg-query > /dev/null; then
  echo "setup.sh: this system has no dpkg. Heddle is built and tested on Debian 12;" >&2
  echo "elsewhere, install the counterparts of these packages yourself:" >&2
  printf '  %s\n' "${packages[@]}" >&2
  exit 1
fi
mapfile -t missing < <(missing_packages)
[ ${#missing[@]} -gt 0 ] || exit 0

. /etc/os-release
if [ "${ID:-}" != debian ] || [ "${VERSION_ID:-}" != 12 ]; then
  echo "setup.sh: Heddle is built and tested on Debian 12; this is ${PRETTY_NAME:-unknown}." >&2
  echo "Missing packages (names as in Debian 12): ${missing[*]}" >&2
  echo "Install their counterparts and run this again." >&2
  exit 1
fi

as_root=()
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo > /dev/null; then
    echo "setup.sh: ${#missing[@]} packages are missing, and installing them takes root." >&2
    echo "As root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
apt_get() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -q -y -o DPkg::Lock::Timeout=300 "$@"
}

# Debian starts and enables an etcd with the package; we run our own, from it, for as long as a test
# or the quickstart takes. One that was there before is somebody's and stays as it is.
etcd_was_here() {
  pidof etcd > /dev/null || systemctl --quiet is-enabled etcd.service 2> /dev/null
}
stop_etcd=false
if [[ " ${missing[*]} " == *" etcd-server "* ]] && ! etcd_was_here; then stop_etcd=true; fi

echo "Installing ${#missing[@]} packages: ${missing[*]}"
# The package lists may be absent or too old to name what the mirror has: refresh them on failure.
install=(install --no-install-recommends "${missing[@]}")
if ! apt_get "${install[@]}" > /dev/null 2>&1; then
  apt_get update
  apt_get "${install[@]}"
fi
if [ $stop_etcd = true ]; then
  "${as_root[@]}" service etcd stop > /dev/null
  "${as_root[@]}" update-rc.d etcd disable
  echo "Debian's own etcd service is off; to have it: systemctl enable --now etcd"
fi

mapfile -t missing < <(missing_packages)
if [ ${#missing[@]} -gt 0 ]; then
  echo "setup.sh: apt-get reported success, yet these are not installed: ${missing[*]}" >&2
  exit 1
fi
