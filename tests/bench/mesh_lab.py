"""Hosts in network namespaces for the mesh benchmark, and a watch on what their kernels get.

Everything lives in a private network and mount namespace of the benchmark's own process, so nothing
is left behind, whatever happens.
"""
import ctypes
import os
import selectors
import socket
import struct
import subprocess
import sys
import time

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000

# rtnetlink: linux/rtnetlink.h, linux/neighbour.h
_RTMGRP_NEIGH, _RTMGRP_IPV4_ROUTE = 0x4, 0x40
_RTM_NEWROUTE, _RTM_NEWNEIGH = 24, 28
_RTA_DST, _NDA_DST, _NDA_LLADDR = 1, 1, 2
_NUD_PERMANENT, _AF_BRIDGE, _PROTOCOL_OURS = 0x80, 7, 104
_SOL_SOCKET_RCVBUFFORCE = 33


def enter_private_namespaces():
    """Starts this program again inside namespaces of its own, once."""
    if os.environ.get("HEDDLE_BENCH_INSIDE") != "1":
        os.environ["HEDDLE_BENCH_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child",
                              "--mount-proc", sys.executable] + sys.argv)
    run("mount", "-t", "tmpfs", "none", "/run")
    os.makedirs("/run/netns")
    run("ip", "link", "set", "lo", "up")


def run(*args, stdin=None):
    return subprocess.run(args, check=True, input=stdin, text=True,
                          stdout=subprocess.PIPE).stdout


def make_hosts(count):
    """Namespaces h1..hN on one bridge; the bridge, 10.0.0.1/16, is the controller's address.

    Each knows the others' link addresses: namespaces share the kernel's neighbour table, whose 1024
    learned entries (gc_thresh3) a hundred hosts that probe each other exceed.
    """
    run("ip", "link", "add", "under", "address", _mac(0), "type", "bridge")
    run("ip", "addr", "add", "10.0.0.1/16", "dev", "under")
    run("ip", "link", "set", "under", "up")
    for n in range(1, count + 1):
        run("ip", "netns", "add", f"h{n}")
        run("ip", "-batch", "-", stdin="\n".join([
            f"link add v{n} type veth peer name eth0 address {_mac(n)} netns h{n}",
            f"link set v{n} master under up"]))
        run("ip", "-n", f"h{n}", "-batch", "-", stdin="\n".join([
            "link set lo up", f"addr add {host_address(n)}/16 dev eth0", "link set eth0 up",
            "route add default via 10.0.0.1",
            f"neigh add 10.0.0.1 lladdr {_mac(0)} dev eth0 nud permanent"] + [
                f"neigh add {host_address(m)} lladdr {_mac(m)} dev eth0 nud permanent"
                for m in range(1, count + 1) if m != n]))
        run("ip", "neigh", "add", host_address(n), "lladdr", _mac(n), "dev", "under",
            "nud", "permanent")


def _mac(n):
    return f"02:00:00:00:{n // 256:02x}:{n % 256:02x}"


def host_address(n):
    return f"10.0.{1 + n // 200}.{1 + n % 200}"


def in_host(n, args, log):
    """Starts a program in the namespace of host n."""
    return subprocess.Popen(["nsenter", f"--net=/run/netns/h{n}"] + args, stdout=log, stderr=log,
                            stdin=subprocess.DEVNULL)


class KernelWatch:
    """Distinct routes, neighbours and FDB entries of ours that each host's kernel has been given."""

    def __init__(self, hosts):
        self._selector = selectors.DefaultSelector()
        self.routes, self.neighbours, self.fdb, self.last = {}, {}, {}, {}
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        for n in hosts:
            self.routes[n], self.neighbours[n], self.fdb[n], self.last[n] = set(), set(), set(), 0.0
            self._enter(f"/run/netns/h{n}")
            sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
            sock.setsockopt(socket.SOL_SOCKET, _SOL_SOCKET_RCVBUFFORCE, 4 << 20)
            sock.bind((0, _RTMGRP_NEIGH | _RTMGRP_IPV4_ROUTE))
            sock.setblocking(False)
            self._selector.register(sock, selectors.EVENT_READ, n)
        if _LIBC.setns(home, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns home")

    @staticmethod
    def _enter(path):
        fd = os.open(path, os.O_RDONLY)
        if _LIBC.setns(fd, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), path)
        os.close(fd)

    def wait(self, hosts, expected, timeout_seconds):
        """Waits until each host has `expected` of each kind. Returns the hosts that have not."""
        deadline = time.monotonic() + timeout_seconds
        missing = {n for n in hosts if not self._has(n, expected)}
        while missing and time.monotonic() < deadline:
            for key, _ in self._selector.select(0.2):
                self._read(key.fileobj, key.data)
                if self._has(key.data, expected):
                    missing.discard(key.data)
        return missing

    def _has(self, n, expected):
        return min(len(self.routes[n]), len(self.neighbours[n]), len(self.fdb[n])) >= expected

    def _read(self, sock, n):
        try:
            data = sock.recv(1 << 16)
        except BlockingIOError:
            return
        self.last[n] = time.monotonic()
        offset = 0
        while offset + 16 <= len(data):
            length, kind = struct.unpack_from("IH", data, offset)
            self._note(n, kind, data[offset + 16:offset + length])
            offset += (length + 3) & ~3

    def _note(self, n, kind, body):
        if kind == _RTM_NEWROUTE and body[5] == _PROTOCOL_OURS:
            self.routes[n].add(_attribute(body, 12, _RTA_DST))
        elif kind == _RTM_NEWNEIGH and struct.unpack_from("H", body, 8)[0] & _NUD_PERMANENT:
            if body[0] == _AF_BRIDGE:
                if _attribute(body, 12, _NDA_DST):
                    self.fdb[n].add(_attribute(body, 12, _NDA_LLADDR))
            else:
                self.neighbours[n].add(_attribute(body, 12, _NDA_DST))


def _attribute(body, offset, wanted):
    while offset + 4 <= len(body):
        length, kind = struct.unpack_from("HH", body, offset)
        if length < 4:
            break
        if kind == wanted:
            return body[offset + 4:offset + length]
        offset += (length + 3) & ~3
    return None


def private_memory_bytes(pid):
    """(resident, private) of a process."""
    values = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
        for line in lines:
            words = line.split()
            if len(words) == 3 and words[2] == "kB":
                values[words[0].rstrip(":")] = int(words[1]) * 1024
    return values["Rss"], values["Private_Clean"] + values["Private_Dirty"]
