"""Debian's stock kernel, unpacked in a folder of its own; nothing of it is installed.

The folder is HEDDLE_GUEST_CACHE (default: /var/cache/heddle-guest):
  linux/boot, linux/lib/modules   what the package holds, with the modules' dependencies listed
  linux/vmlinux                   the kernel, taken out of its compressed image: the emulator would
                                  need five seconds for that, at every start
  share                           an empty folder, where each guest mounts what it shares
"""
import fcntl
import glob
import lzma
import os
import shutil
import struct
import subprocess
import tempfile

PACKAGE = "linux-image-amd64"


def cache():
    return os.environ.get("HEDDLE_GUEST_CACHE") or "/var/cache/heddle-guest"


def tree():
    return os.path.join(cache(), "linux")


def image():
    return os.path.join(tree(), "vmlinux")


def present():
    return os.path.exists(image())


def release():
    """What `uname -r` will say in the guest."""
    return os.path.basename(glob.glob(os.path.join(tree(), "lib/modules/*"))[0])


def module_files(names):
    """The files of these modules and of those they need, in the order to load them."""
    files = []
    for name in names:
        shown = subprocess.run(["modprobe", "-d", tree(), "-S", release(), "--show-depends", name],
                               check=True, stdout=subprocess.PIPE, text=True).stdout
        for line in shown.splitlines():
            words = line.split()
            if words[0] == "insmod" and words[1] not in files:
                files.append(words[1])
    return files


def _kernel_package():
    """The package behind the one that always names the current kernel."""
    command = ["apt-cache", "depends", "--important", PACKAGE]
    for refresh in (True, False):
        shown = subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout
        for line in shown.splitlines():
            if "Depends: linux-image-" in line:
                return line.split()[-1]
        if refresh:
            subprocess.run(["apt-get", "-q", "update"], check=True)
    raise RuntimeError("apt-cache knows no " + PACKAGE + ": are Debian's main packages in "
                       "/etc/apt/sources.list, and is this machine amd64?")


def _download(package, folder):
    # As root apt-get would hand the download to a user who cannot write here, and warn.
    command = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package]
    if subprocess.run(command, cwd=folder).returncode != 0:
        # The package lists are older than what the mirror has.
        subprocess.run(["apt-get", "-q", "update"], check=True)
        subprocess.run(command, cwd=folder, check=True)
    return glob.glob(os.path.join(folder, "*.deb"))[0]


def _extract(compressed, to):
    """Takes the ELF kernel out of the bzImage `compressed` (Documentation/x86/boot.rst)."""
    with open(compressed, "rb") as file:
        image_bytes = file.read()
    setup_sectors = image_bytes[0x1f1]
    payload_offset, payload_length = struct.unpack_from("<II", image_bytes, 0x248)
    start = (setup_sectors + 1) * 512 + payload_offset
    elf = lzma.LZMADecompressor().decompress(image_bytes[start:start + payload_length])
    if not elf.startswith(b"\x7fELF"):
        raise RuntimeError(compressed + ": the kernel in it is not an xz-compressed ELF file")
    with open(to, "wb") as file:
        file.write(elf)


def fetch():
    """Makes the folder complete; does nothing if it is. Several may call this at once."""
    os.makedirs(os.path.join(cache(), "share"), exist_ok=True)
    with open(os.path.join(cache(), "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if present():
            return
        shutil.rmtree(tree(), ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=cache()) as scratch:
            package = _kernel_package()
            print("Fetching the guest's kernel: " + package, flush=True)
            unpacked = os.path.join(scratch, "linux")
            subprocess.run(["dpkg-deb", "-x", _download(package, scratch), unpacked], check=True)
            version = os.listdir(os.path.join(unpacked, "lib/modules"))[0]
            subprocess.run(["depmod", "-b", unpacked, version], check=True)
            _extract(os.path.join(unpacked, "boot", "vmlinuz-" + version),
                     os.path.join(unpacked, "vmlinux"))
            os.rename(unpacked, tree())
