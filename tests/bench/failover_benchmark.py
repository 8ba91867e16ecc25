#!/usr/bin/env python3
"""How long nothing can be changed when the leading controller goes, and how soon a replica serves.

Three etcd members and three controllers on loopback, with their data below --dir. A change is a new
node's lease, reserved with heddlectl through a controller that lives; attempts follow each other, so a
figure has the time of one attempt in it (printed first). Four cases, taken in turns:

  killed      SIGKILL to the leader, until the first lease is acknowledged
  step-down   `heddlectl controller step-down`, from its start until the first lease after it
  restart     a follower killed and started, until it answers from its copy (`heddlectl lease list`);
              it then serves nodes, too
  no etcd     the same while all members of etcd are paused

A watch on each controller that lives must outlast every case.

  tests/bench/failover_benchmark.py --controller PROGRAM --heddlectl PROGRAM [--rounds N]

Needs no root. Ends what it started, and removes its data.
"""
import argparse
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import security

GIVE_UP_SECONDS = 60


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Cluster:
    """Owns the processes and their folder."""

    def __init__(self, args):
        self.args = args
        self.folder = tempfile.mkdtemp(prefix="failover-benchmark-", dir=args.dir)
        self.security = security.Security(args, self.folder)
        ports = free_ports(9)
        self.clients, self.peers, self.ports = ports[:3], ports[3:6], ports[6:]
        self.running = {}
        self.leases = 0

    def start(self, name, *command):
        with open(os.path.join(self.folder, name + ".log"), "ab") as log:
            self.running[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def kill(self, name):
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def start_etcd(self):
        members = ",".join("e%d=http://127.0.0.1:%d" % (i, p) for i, p in enumerate(self.peers))
        for i in range(3):
            client, peer = ("http://127.0.0.1:%d" % p for p in (self.clients[i], self.peers[i]))
            self.start("e%d" % i, "etcd", "--name", "e%d" % i,
                       "--data-dir", os.path.join(self.folder, "e%d" % i),
                       "--listen-client-urls", client, "--advertise-client-urls", client,
                       "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                       "--initial-cluster", members, "--logger", "zap", "--log-level", "warn")

    def start_controller(self, i):
        self.start("c%d" % i, self.args.controller, "--id", "c%d" % i,
                   "--listen", "127.0.0.1:%d" % self.ports[i],
                   *self.security.controller_flags("c%d" % i),
                   "--data-dir", os.path.join(self.folder, "c%d" % i),
                   "--etcd-endpoints", ",".join("127.0.0.1:%d" % p for p in self.clients),
                   "--leader-ttl", "%ds" % self.args.leader_ttl_seconds)

    def ctl(self, i, *words, text=None):
        """What heddlectl prints when asking controller `i`; None when it fails."""
        done = subprocess.run(
            [self.args.heddlectl, *self.security.ctl_flags(),
             "--controller", "127.0.0.1:%d" % self.ports[i],
             "--timeout-seconds", "1", *words],
            input=text, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        return done.stdout if done.returncode == 0 else None

    def leader(self, asked):
        answer = self.ctl(asked, "controller", "list", "-o", "json")
        states = json.loads(answer)["controllers"] if answer else []
        return next((int(c["id"][1:]) for c in states if c.get("leader")), None)

    def reserve(self, i):
        self.leases += 1
        return self.ctl(i, "lease", "reserve", "node-%d" % self.leases) is not None

    def stop(self):
        for name in list(self.running):
            self.kill(name)
        shutil.rmtree(self.folder)


def until(condition, what):
    give_up_at = time.monotonic() + GIVE_UP_SECONDS
    while True:
        result = condition()
        if result is not None and result is not False:
            return result
        if time.monotonic() > give_up_at:
            sys.exit("not within %d s: %s" % (GIVE_UP_SECONDS, what))


def start_all(cluster):
    cluster.start_etcd()
    for i in range(3):
        cluster.start_controller(i)
    for i in range(3):
        until(lambda i=i: cluster.ctl(i, "status"), "controller c%d answers" % i)
    until(lambda: cluster.leader(0), "a controller leads")
    network = '{"Network": "10.0.0.0/8", "SubnetLen": 24, "Backend": {"Type": "alloc"}}'
    if cluster.ctl(0, "network", "set", "-", text=network) is None:
        sys.exit("the network is refused")
    for _ in range(cluster.args.leases):
        if not cluster.reserve(0):
            sys.exit("a lease is refused")


def watch(cluster, controllers):
    return [subprocess.Popen([cluster.args.heddlectl, *cluster.security.ctl_flags(), "--controller",
                              "127.0.0.1:%d" % cluster.ports[i], "watch"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for i in controllers]


def undisturbed(watches):
    ended = [w for w in watches if w.poll() is not None]
    for w in watches:
        w.kill()
        w.wait()
    if ended:
        sys.exit("%d watches on controllers that live have ended" % len(ended))


def measure_killed(cluster):
    leader = until(lambda: cluster.leader(0), "a controller leads")
    others = [i for i in range(3) if i != leader]
    watches = watch(cluster, others)
    time.sleep(0.5)
    began = time.monotonic()
    cluster.kill("c%d" % leader)
    until(lambda: cluster.reserve(others[0]), "a lease after the leader was killed")
    seconds = time.monotonic() - began
    undisturbed(watches)
    cluster.start_controller(leader)
    until(lambda: cluster.ctl(leader, "status"), "the killed controller is back")
    return seconds


def measure_step_down(cluster):
    leader = until(lambda: cluster.leader(0), "a controller leads")
    watches = watch(cluster, range(3))
    time.sleep(0.5)
    began = time.monotonic()
    if cluster.ctl(leader, "controller", "step-down") is None:
        sys.exit("step-down is refused")
    until(lambda: cluster.reserve((leader + 1) % 3), "a lease after the step-down")
    seconds = time.monotonic() - began
    undisturbed(watches)
    return seconds


def measure_restart(cluster):
    leader = until(lambda: cluster.leader(0), "a controller is said to lead")
    follower = (leader + 1) % 3
    cluster.kill("c%d" % follower)
    began = time.monotonic()
    cluster.start_controller(follower)
    until(lambda: cluster.ctl(follower, "lease", "list"), "a restarted controller answers")
    return time.monotonic() - began


def measure_restart_without_etcd(cluster):
    members = [cluster.running["e%d" % i] for i in range(3)]
    for member in members:
        member.send_signal(signal.SIGSTOP)
    try:
        return measure_restart(cluster)
    finally:
        for member in members:
            member.send_signal(signal.SIGCONT)


def report(name, seconds, goal):
    print("%-10s median %.0f ms (%.0f to %.0f, %d rounds)%s" % (
        name, statistics.median(seconds) * 1000, min(seconds) * 1000, max(seconds) * 1000,
        len(seconds), "; goal %s" % goal if goal else ""), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    security.add_arguments(parser)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--leases", type=int, default=200, help="in the store from the start")
    parser.add_argument("--leader-ttl-seconds", type=int, default=5)
    parser.add_argument("--dir", default="/var/tmp")
    args = parser.parse_args()
    cluster = Cluster(args)
    try:
        start_all(cluster)
        print("load %.1f; leader ttl %d s; %d leases" % (
            os.getloadavg()[0], args.leader_ttl_seconds, args.leases))
        attempts, killed, stepped, restarted, without_etcd = [], [], [], [], []
        for _ in range(args.rounds):
            began = time.monotonic()
            until(lambda: cluster.reserve(0), "a lease")
            attempts.append(time.monotonic() - began)
            killed.append(measure_killed(cluster))
            stepped.append(measure_step_down(cluster))
            restarted.append(measure_restart(cluster))
            without_etcd.append(measure_restart_without_etcd(cluster))
        report("attempt", attempts, None)
        report("killed", killed, "%d ms" % (args.leader_ttl_seconds * 1000 + 1000))
        report("step-down", stepped, "200 ms")
        report("restart", restarted, None)
        report("no etcd", without_etcd, None)
    finally:
        cluster.stop()


main()
