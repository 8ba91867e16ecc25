#!/usr/bin/env python3
"""Convergence of a real cluster in network namespaces: joins, a mass start, memory.

One controller with RocksDB on disk and N hosts, each a network namespace with the real heddle-node,
vxlan over a bridge. Times run from the start of the process(es) to the last kernel notification that
the object was made, seen from outside on each host's own rtnetlink.

    bazel build --config=release //controller:heddle-controller //node:heddle-node //cli:heddlectl
    sudo tests/bench/mesh_benchmark.py --controller PATH --node PATH --heddlectl PATH

Every host joins with a ticket, so its first start has the making of its key and its certificate in it.

Needs root (namespaces). Leaves nothing behind.
"""
import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time

import mesh_lab as lab
import security

_NETWORK = {"Network": "10.128.0.0/12", "SubnetLen": 24, "Backend": {"Type": "vxlan"}}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    security.add_arguments(parser)
    parser.add_argument("--node", required=True, help="path of heddle-node")
    parser.add_argument("--hosts", type=int, default=100)
    parser.add_argument("--joins", type=int, default=11, help="hosts that join one by one after")
    parser.add_argument("--timeout", type=float, default=120, help="seconds for the mesh to fill")
    args = parser.parse_args()
    args.controller, args.node = os.path.realpath(args.controller), os.path.realpath(args.node)
    args.heddlectl = os.path.realpath(args.heddlectl)
    return args


class Cluster:
    def __init__(self, args, folder):
        self.args, self.folder, self.processes = args, folder, {}
        with open(f"{folder}/net-conf.json", "w", encoding="ascii") as conf:
            json.dump(_NETWORK, conf)
        self.log = open(f"{folder}/log", "wb")
        self.security = security.Security(args, folder)
        self.controller = lab.subprocess.Popen(
            [args.controller, *self.security.controller_flags("c1"), "--id", "c1",
             "--net-conf", conf.name, "--data-dir", f"{folder}/controller",
             "--listen", "10.0.0.1:7411", "--log-level", "warn"],
            stdout=self.log, stderr=self.log)
        time.sleep(1.0)
        self.security.make_ticket("10.0.0.1:7411", args.hosts + args.joins)

    def start_node(self, n):
        os.makedirs(f"{self.folder}/h{n}", exist_ok=True)
        self.processes[n] = lab.in_host(n, [
            self.args.node, *self.security.node_flags(),
            "--controllers", "10.0.0.1:7411", "--node-id", f"h{n}",
            "--subnet-file", f"{self.folder}/h{n}/subnet.env",
            "--state-dir", f"{self.folder}/h{n}", "--log-level", "warn"], self.log)

    def dead(self):
        return [n for n, p in self.processes.items() if p.poll() is not None]

    def stop(self):
        for process in list(self.processes.values()) + [self.controller]:
            process.kill()
            process.wait()


def mass_start(cluster, watch, args):
    hosts = range(1, args.hosts + 1)
    begin = time.monotonic()
    for n in hosts:
        cluster.start_node(n)
    missing = watch.wait(hosts, args.hosts - 1, args.timeout)
    if missing:
        sys.exit(f"the mesh did not fill in {args.timeout} s; hosts without all peers: "
                 f"{sorted(missing)}\n" + open(cluster.log.name, errors="replace").read()[-4000:])
    return max(watch.last.values()) - begin


def joins(cluster, watch, args):
    times = []
    for k in range(args.joins):
        time.sleep(2.0)
        newcomer = args.hosts + 1 + k
        others = range(1, newcomer)
        begin = time.monotonic()
        cluster.start_node(newcomer)
        missing = watch.wait(others, newcomer - 1, args.timeout)
        if missing:
            sys.exit(f"host {newcomer} did not reach hosts {sorted(missing)}")
        times.append((time.monotonic() - begin) * 1000)
    return times


def print_memory(cluster):
    pairs = [lab.private_memory_bytes(p.pid) for p in cluster.processes.values()]
    resident, private = zip(*pairs)
    rss, own = lab.private_memory_bytes(cluster.controller.pid)
    mib = 1 << 20
    print(f"node memory, {len(pairs) - 1} peers: resident {statistics.median(resident) / mib:.1f} "
          f"MiB, private {statistics.median(private) / mib:.1f} MiB "
          f"(largest {max(private) / mib:.1f})")
    print(f"controller memory, {len(pairs)} nodes: resident {rss / mib:.1f} MiB, "
          f"private {own / mib:.1f} MiB")


def main():
    args = arguments()
    lab.enter_private_namespaces()
    print(f"machine: {os.cpu_count()} cores, Linux {platform.release()}, "
          f"load {os.getloadavg()[0]:.1f}")
    lab.make_hosts(args.hosts + args.joins)
    watch = lab.KernelWatch(range(1, args.hosts + args.joins + 1))
    with tempfile.TemporaryDirectory(prefix="heddle-mesh-", dir="/var/tmp") as folder:
        cluster = Cluster(args, folder)
        try:
            seconds = mass_start(cluster, watch, args)
            print(f"mass start of {args.hosts} hosts to a full mesh: {seconds:.2f} s, "
                  f"{len(cluster.dead())} processes died")
            time.sleep(3.0)
            times = joins(cluster, watch, args)
            print(f"one host joins {args.hosts}+ others, {len(times)} times: median "
                  f"{statistics.median(times):.1f} ms, min {min(times):.1f}, max {max(times):.1f}")
            time.sleep(5.0)
            print_memory(cluster)
        finally:
            cluster.stop()


if __name__ == "__main__":
    main()
