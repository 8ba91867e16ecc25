"""A machine with a kernel of its own, on which one command runs.

`isolate()` first: it gives the calling program mounts and process ids of its own. Whatever ends it,
even SIGKILL, the kernel then ends the emulator and takes back the memory in which everything is
kept, and nothing is left to remove.
"""
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import linux

# The modules with which the guest can mount its root.
ROOT_MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay", "virtio_rng"]
# What the project's tests use; the rest is loaded by the guest's kernel when it is asked for.
MODULES = ["veth", "bridge", "vxlan", "tun", "dummy", "ipip", "wireguard", "nf_tables",
           "nft_chain_nat", "nft_masq", "nft_ct", "esp4", "esp6", "xfrm_user", "sch_netem"]
HERE = os.path.dirname(os.path.realpath(__file__))
ISOLATED = "HEDDLE_GUEST_ISOLATED"
# How much longer than on the machine itself a test in the guest may wait.
TIME_SCALE = "10"


class NoResult(Exception):
    """The guest did not boot, panicked, hung or was too slow: nothing is known of the command."""


def isolate():
    """Goes on as a child of this program, alone with its own children in namespaces of its own."""
    # As process 1 of its namespace the child ignores signals; this program does not.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if os.environ.pop(ISOLATED, None):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "guest", share()], check=True)
        return
    os.makedirs(share(), exist_ok=True)
    os.environ[ISOLATED] = "1"
    sys.exit(subprocess.call(
        ["setpriv", "--pdeathsig", "KILL",
         "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
         sys.executable, "-B", os.path.realpath(sys.argv[0])] + sys.argv[1:]))


def share():
    """The folder that is /guest in the guest, both ways."""
    return os.path.join(linux.cache(), "share")


def _initramfs(path):
    with tempfile.TemporaryDirectory() as root:
        for folder in ("bin", "dev", "layer", "machine", "modules", "proc", "root"):
            os.mkdir(os.path.join(root, folder))
        shutil.copy("/bin/busybox", os.path.join(root, "bin"))
        shutil.copy(os.path.join(HERE, "initramfs_init.sh"), os.path.join(root, "init"))
        os.chmod(os.path.join(root, "init"), 0o755)
        for number, file in enumerate(linux.module_files(ROOT_MODULES)):
            name = "%03d-%s" % (number, os.path.basename(file))
            shutil.copy(file, os.path.join(root, "modules", name))
        names = subprocess.run(["find", "."], cwd=root, check=True, stdout=subprocess.PIPE).stdout
        with open(path, "wb") as archive:
            subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=root, check=True,
                           input=names, stdout=archive)


def _emulator(memory_mib, initramfs):
    # Always emulated, unless asked: /dev/kvm looks usable even where it cannot run an unchanged
    # kernel. A second processor makes emulation slower, and so do instructions newer than SSE4.
    accelerator = os.environ.get("HEDDLE_GUEST_ACCEL") or "tcg,tb-size=256"
    return [
        "qemu-system-x86_64", "-machine", "q35", "-accel", accelerator, "-cpu", "Nehalem", "-smp", "1",
        "-m", str(memory_mib), "-nodefaults", "-no-user-config", "-display", "none",
        "-monitor", "none", "-no-reboot", "-serial", "stdio",
        "-kernel", linux.image(), "-initrd", initramfs,
        "-append", "console=ttyS0 panic=-1 loglevel=4 mitigations=off audit=0 nokaslr "
        "tsc=unstable",
        "-fsdev", "local,id=machine,path=/,security_model=none,readonly=on,multidevs=remap",
        "-device", "virtio-9p-pci,fsdev=machine,mount_tag=machine",
        "-fsdev", "local,id=share,path=%s,security_model=none" % share(),
        "-device", "virtio-9p-pci,fsdev=share,mount_tag=share",
        "-device", "virtio-rng-pci",
    ]


def _write(name, text):
    with open(os.path.join(share(), name), "w", encoding="utf-8") as file:
        file.write(text)


class _Tail:
    """Copies what is appended to a file of the share to a stream of our own."""

    def __init__(self, name, to):
        self.path, self.to, self.offset = os.path.join(share(), name), to, 0

    def copy(self):
        if not os.path.exists(self.path):
            return
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            shutil.copyfileobj(file, self.to)
            self.offset = file.tell()
        self.to.flush()


def run(argv, memory_mib, limit_seconds):
    """Boots, runs `argv` in the current folder with its output on our own, and powers off.

    Returns its exit code (128 + signal if one ended it). Raises NoResult, with the end of the
    guest's console in it. Files that the command leaves in /guest are then in share().
    """
    if not linux.present():
        raise NoResult("there is no kernel in %s; tests/guest/run --fetch gets it" % linux.cache())
    shutil.copy(os.path.join(HERE, "start.sh"), share())
    _write("settings", "FOLDER=%s\nMODULES=%s\nMODULE_NAMES=%s\n" % tuple(
        shlex.quote(value) for value in
        (os.getcwd(), os.path.join(linux.tree(), "lib/modules", linux.release()),
         " ".join(MODULES))))
    _write("command", "export HEDDLE_TIME_SCALE=%s\nexec %s\n" % (
        TIME_SCALE, " ".join(map(shlex.quote, argv))))
    initramfs = os.path.join(share(), "initramfs")
    _initramfs(initramfs)
    tails = [_Tail("stdout", sys.stdout.buffer), _Tail("stderr", sys.stderr.buffer)]
    deadline = time.monotonic() + limit_seconds
    console = os.path.join(share(), "console")
    with open(console, "wb") as log:
        emulator = subprocess.Popen(_emulator(memory_mib, initramfs), stdin=subprocess.DEVNULL,
                                    stdout=log, stderr=subprocess.STDOUT)
    while emulator.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)
        for tail in tails:
            tail.copy()
    late = emulator.poll() is None
    if late:
        emulator.kill()
        emulator.wait()
    for tail in tails:
        tail.copy()
    result = os.path.join(share(), "rc")
    if os.path.exists(result):
        with open(result, encoding="ascii") as file:
            return int(file.read())
    with open(console, encoding="utf-8", errors="replace") as file:
        end = "".join(file.readlines()[-40:])
    raise NoResult("%s; the end of its console:\n%s" % (
        "nothing after %d s" % limit_seconds if late
        else "the emulator ended (%d)" % emulator.returncode, end))
