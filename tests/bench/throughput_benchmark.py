#!/usr/bin/env python3
"""Throughput between two hosts, of each backend against a hand-made tunnel and the bare path.

Two network namespaces on one bridge. Heddle's path is made by the real heddle-node; the hand-made one
by `ip` and `wg` commands of the same kind; the bare one is the underlay itself. iperf3 takes turns on
the three, many times: TCP, and UDP packets of 64 bytes, of which those that arrive count.

    bazel build --config=release //controller:heddle-controller //node:heddle-node
    sudo tests/bench/throughput_benchmark.py --controller PATH --node PATH \
        --heddlectl PATH

Backends that this machine's kernel lacks are measured in the emulated machine of tests/guest/run,
where only the ratio says anything. Needs root and iperf3 (wireguard also wg). Leaves nothing behind.
"""
import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile

import hand_made
import heddle_path
import iperf
import medians
import mesh_lab as lab
import security

_BACKENDS = ["vxlan", "host-gw", "ipip", "wireguard"]
_DEVICE_OF = {"vxlan": "vxlan id 1 dstport 8472", "ipip": "ipip local 127.0.0.1",
              "wireguard": "wireguard"}
_PATHS = ["bare", "by hand", "heddle"]
_UDP_BYTES = 64
_GOAL = 0.97  # of the hand-made tunnel


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    security.add_arguments(parser)
    parser.add_argument("--node", required=True, help="path of heddle-node")
    parser.add_argument("--backends", default=",".join(_BACKENDS))
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=1, help="of each measurement")
    parser.add_argument("--here", action="store_true",
                        help="leave out what this kernel lacks, instead of using the guest")
    args = parser.parse_args()
    args.controller, args.node = os.path.realpath(args.controller), os.path.realpath(args.node)
    args.heddlectl = os.path.realpath(args.heddlectl)
    args.backends = args.backends.split(",")
    unknown = set(args.backends) - set(_BACKENDS)
    if args.rounds < medians.LEAST_ROUNDS:
        parser.error(f"--rounds must be {medians.LEAST_ROUNDS} or more")
    if unknown:
        parser.error(f"no such backend: {', '.join(sorted(unknown))}")
    return args


def kernel_has(backend):
    if backend not in _DEVICE_OF:
        return True
    made = subprocess.run(["unshare", "--net", "ip", "link", "add", "probe", "type",
                           *_DEVICE_OF[backend].split()], stderr=subprocess.PIPE, text=True)
    if made.returncode == 0 or "Unknown device type" in made.stderr:
        return made.returncode == 0
    sys.exit(f"cannot tell whether this kernel has {backend}: {made.stderr}")


def measure_in_guest(args, backends):
    here = os.path.dirname(os.path.realpath(__file__))
    command = [f"{here}/../guest/run", "--limit-seconds", "900", "--",
               os.path.realpath(__file__), "--here", "--controller", args.controller,
               "--heddlectl", args.heddlectl, "--node", args.node, "--backends", ",".join(backends),
               "--rounds", str(max(medians.LEAST_ROUNDS, args.rounds * 2 // 3)),
               "--seconds", str(args.seconds)] + (["--insecure"] if args.insecure else [])
    print(f"\n{', '.join(backends)}: in the guest, for this kernel lacks them", flush=True)
    return subprocess.call(command, stdin=subprocess.DEVNULL)


_MEASURES = [("TCP", "Mbit/s", iperf.tcp),
             (f"UDP {_UDP_BYTES} B", "k packets/s",
              lambda addresses, seconds: iperf.udp(addresses, seconds, _UDP_BYTES))]


def verdict(low, high):
    if low >= _GOAL:
        return "within 3 %"
    if high < _GOAL:
        return "NOT within 3 %"
    return "too noisy to tell 3 %"


def report(backend, results):
    for name, unit, _ in _MEASURES:
        for path in _PATHS:
            print(f"{backend:10} {name:9} {path:8} {medians.spread(results[name, path])} {unit}")
        pairs = [h / b for h, b in zip(results[name, "heddle"], results[name, "by hand"])]
        low, high = medians.bounds(pairs)
        print(f"{backend:10} {name:9} heddle is {statistics.median(pairs):.3f} of the tunnel made "
              f"by hand (median of {len(pairs)} rounds; 90 % sure of {low:.3f} to {high:.3f}): "
              f"{verdict(low, high)}", flush=True)


def measure(args, backend, folder):
    hand_made.make(backend, folder)
    with heddle_path.Heddle(args, backend, folder) as heddle:
        addresses = {"bare": {n: lab.host_address(n) for n in (1, 2)},
                     "by hand": {n: f"10.245.{n}.1" for n in (1, 2)},
                     "heddle": heddle.addresses}
        results = {(name, path): [] for name, _, _ in _MEASURES for path in _PATHS}
        for path in _PATHS:  # once unmeasured: addresses resolved, keys exchanged, caches warm
            for _, _, run in _MEASURES:
                run(addresses[path], args.seconds)
        for turn in range(args.rounds):
            order = _PATHS[turn % 3:] + _PATHS[:turn % 3]  # nobody is always first
            for name, _, run in _MEASURES:
                for path in order:
                    results[name, path].append(run(addresses[path], args.seconds))
        report(backend, results)
    hand_made.remove(backend)


def main():
    args = arguments()
    inside = os.environ.get("HEDDLE_BENCH_INSIDE") == "1"
    here = [b for b in args.backends if kernel_has(b)]
    lacking = [b for b in args.backends if b not in here]
    if lacking and not args.here and not inside:
        code = subprocess.call([sys.executable, *sys.argv, "--here"]) if here else 0
        sys.exit(measure_in_guest(args, lacking) or code)
    lab.enter_private_namespaces()
    for backend in lacking:
        print(f"{backend}: NOT MEASURED, this kernel lacks it")
    print(f"machine: {os.cpu_count()} cores, Linux {platform.release()}, "
          f"load {os.getloadavg()[0]:.1f}; {args.rounds} rounds of {args.seconds} s", flush=True)
    lab.make_hosts(2)
    hand_made.add_second_addresses()
    failed = False
    for backend in here:
        with tempfile.TemporaryDirectory(prefix="heddle-throughput-", dir="/var/tmp") as folder:
            try:
                measure(args, backend, folder)
            except RuntimeError as error:
                failed = True
                print(f"{backend}: NOT MEASURED: {error}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
