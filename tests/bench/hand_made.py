"""Tunnels between hosts h1 and h2 made by `ip` and `wg` commands, as flannel would: what Heddle's are
measured against.

They use a second address of each host's eth0, so that they can stand beside Heddle's own (two ipip
devices cannot have one local address). Host N's subnet is 10.245.N.0/24.
The plain forwarder's subnet is 10.246.N.0/24.
"""
import os
import subprocess
import time

import mesh_lab as lab

UNDERLAY_MTU = 1500
_PEER_OF = {1: 2, 2: 1}


def second_address(n):
    return f"10.0.9.{n}"


def add_second_addresses():
    for n in _PEER_OF:
        _ip(n, f"addr add {second_address(n)}/16 dev eth0")


def make(kind, folder):
    """Makes both ends, and gives host N the address 10.245.N.1."""
    for n, peer in _PEER_OF.items():
        _MAKERS[kind](n, peer, folder)
        _ip(n, f"addr replace 10.245.{n}.1/32 dev lo")


def remove(kind):
    for n, peer in _PEER_OF.items():
        if kind == "host-gw":
            _ip(n, f"route del 10.245.{peer}.0/24")
        else:
            _ip(n, "link del hand")


def start_plain(n, program):
    """Starts the plain forwarder of host N, and gives the host the address 10.246.N.1."""
    peer = _PEER_OF[n]
    forwarder = lab.in_host(n, [program, "plain", second_address(n), "8286",
                                f"10.246.{peer}.0/24={second_address(peer)}"], None)
    give_up_at = time.monotonic() + 10
    while subprocess.run(["ip", "-n", f"h{n}", "link", "show", "plain"], stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL).returncode != 0:
        if forwarder.poll() is not None or time.monotonic() > give_up_at:
            raise RuntimeError(f"the plain forwarder of h{n} makes no device")
        time.sleep(0.02)
    _ip(n, f"link set plain mtu {UNDERLAY_MTU - 28} up")
    _ip(n, f"addr add 10.246.{n}.1/32 dev lo")
    _ip(n, f"route add 10.246.{peer}.0/24 dev plain src 10.246.{n}.1")
    return forwarder


def _ip(n, command):
    lab.run("ip", "-n", f"h{n}", *command.split())


def _start(n, mtu):
    _ip(n, f"addr add 10.245.{n}.0/32 dev hand")
    _ip(n, f"link set hand mtu {mtu} up")


def _mac(n):
    return f"02:00:00:00:00:0{n}"


def _vxlan(n, peer, _folder):
    _ip(n, f"link add hand address {_mac(n)} type vxlan id 2 dstport 8473 dev eth0 "
           f"local {second_address(n)} nolearning")
    _start(n, UNDERLAY_MTU - 50)
    _ip(n, f"neigh add 10.245.{peer}.0 lladdr {_mac(peer)} dev hand nud permanent")
    lab.run("bridge", "-n", f"h{n}", "fdb", "add", _mac(peer), "dev", "hand", "dst",
            second_address(peer), "self", "permanent")
    _ip(n, f"route add 10.245.{peer}.0/24 via 10.245.{peer}.0 dev hand onlink src 10.245.{n}.0")


def _host_gw(n, peer, _folder):
    _ip(n, f"route add 10.245.{peer}.0/24 via {second_address(peer)} dev eth0")


def _ipip(n, peer, _folder):
    _ip(n, f"link add hand type ipip local {second_address(n)}")
    _start(n, UNDERLAY_MTU - 20)
    _ip(n, f"route add 10.245.{peer}.0/24 via {second_address(peer)} dev hand onlink")


def _wireguard(n, peer, folder):
    for host in (n, peer):
        path = f"{folder}/hand{host}.key"
        if not os.path.exists(path):
            with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "w") as key:
                key.write(lab.run("wg", "genkey"))
    with open(f"{folder}/hand{peer}.key", encoding="ascii") as key:
        public = lab.run("wg", "pubkey", stdin=key.read()).strip()
    _ip(n, "link add hand type wireguard")
    lab.run("ip", "netns", "exec", f"h{n}", "wg", "set", "hand", "private-key",
            f"{folder}/hand{n}.key", "listen-port", "51900", "peer", public, "endpoint",
            f"{second_address(peer)}:51900", "allowed-ips", f"10.245.{peer}.0/24")
    _start(n, UNDERLAY_MTU - 80)
    _ip(n, "route add 10.245.0.0/16 dev hand scope link")


_MAKERS = {"vxlan": _vxlan, "host-gw": _host_gw, "ipip": _ipip, "wireguard": _wireguard}
