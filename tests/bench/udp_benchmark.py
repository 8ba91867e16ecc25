#!/usr/bin/env python3
"""The udp backend beside a bare path, kernel VXLAN and a plain forwarder, all in one run.

Two network namespaces on one bridge, and four paths between them at once: the bare underlay; a VXLAN
device made by `ip` commands; a forwarder that moves one packet per system call, as flannel's udp
backend does (tests/lab/plain_forwarder.cc); and Heddle's, made by the real heddle-node. They take turns,
round by round: TCP of one stream and of eight, UDP packets of two sizes of which those that arrive
count, pings on an idle path and beside a TCP stream, and the CPU time that a gigabit takes.

    bazel build --config=release //controller:heddle-controller //node:heddle-node //cli:heddlectl \\
        //node/dataplane/forwarder:heddle-forwarder //tests/lab:plain_forwarder
    sudo tests/bench/udp_benchmark.py --controller PATH --node PATH --forwarder PATH \\
        --heddlectl PATH --plain PATH

Everything runs on two cores. Needs root and iperf3. Leaves nothing behind.
"""
import argparse
import contextlib
import os
import platform
import statistics
import subprocess
import tempfile
import time

import cpu_time
import hand_made
import heddle_path
import iperf
import medians
import mesh_lab as lab
import security

_CORES = 2
_STREAMS = 8
_UDP_BYTES = (1400, 64)
_PINGS_PER_SECOND = 100
_TCP_GOAL_OF_PLAIN, _TCP_GOAL_OF_VXLAN, _LATENCY_GOAL_OF_PLAIN = 8, 0.5, 1
_PATHS = ["bare", "vxlan", "plain", "heddle"]
_ONE, _MANY = "TCP, 1 stream", f"TCP, {_STREAMS} streams"
_LOADED, _LOADED_99 = "ping beside TCP, median", "ping beside TCP, 99 %"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    security.add_arguments(parser)
    parser.add_argument("--node", required=True, help="path of heddle-node")
    parser.add_argument("--forwarder", required=True, help="path of heddle-forwarder")
    parser.add_argument("--plain", required=True, help="path of plain_forwarder")
    parser.add_argument("--paths", default=",".join(_PATHS))
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=2, help="of each measurement")
    args = parser.parse_args()
    for program in ("controller", "node", "forwarder", "heddlectl", "plain"):
        setattr(args, program, os.path.realpath(getattr(args, program)))
    args.paths = args.paths.split(",")
    if set(args.paths) - set(_PATHS):
        parser.error(f"--paths takes some of {', '.join(_PATHS)}")
    if args.rounds < medians.LEAST_ROUNDS:
        parser.error(f"--rounds must be {medians.LEAST_ROUNDS} or more")
    return args


class Path:
    """One way between the hosts: its ends' addresses by host, and the forwarders' process ids."""

    def __init__(self, addresses, forwarders=()):
        self.addresses, self.forwarders = addresses, list(forwarders)


@contextlib.contextmanager
def bare(_args, _folder):
    yield Path({n: lab.host_address(n) for n in (1, 2)})


@contextlib.contextmanager
def vxlan(_args, folder):
    hand_made.make("vxlan", folder)
    yield Path({n: f"10.245.{n}.1" for n in (1, 2)})
    hand_made.remove("vxlan")


@contextlib.contextmanager
def plain(args, _folder):
    forwarders = [hand_made.start_plain(n, args.plain) for n in (1, 2)]
    try:
        yield Path({n: f"10.246.{n}.1" for n in (1, 2)}, (f.pid for f in forwarders))
    finally:
        for forwarder in forwarders:
            forwarder.kill()
            forwarder.wait()


@contextlib.contextmanager
def heddle(args, folder):
    with heddle_path.Heddle(args, "udp", folder) as made:
        yield Path(made.addresses, cpu_time.processes_of(args.forwarder))


_MAKERS = {"bare": bare, "vxlan": vxlan, "plain": plain, "heddle": heddle}


def tcp(path, seconds):
    """One stream, and what it costs."""
    before = cpu_time.of_cores(), cpu_time.of_processes(path.forwarders)
    end = iperf.run(path.addresses, seconds)["end"]["sum_received"]
    after = cpu_time.of_cores(), cpu_time.of_processes(path.forwarders)
    gigabits = end["bytes"] * 8 / 1e9
    return {(_ONE, "Mbit/s"): end["bits_per_second"] / 1e6,
            ("CPU of both cores", "ms/Gbit"): (after[0] - before[0]) * 1e3 / gigabits,
            ("CPU of both forwarders", "ms/Gbit"): (after[1] - before[1]) * 1e3 / gigabits}


def many_streams(path, seconds):
    return {(_MANY, "Mbit/s"): iperf.tcp(path.addresses, seconds, _STREAMS)}


def udp(path, seconds):
    return {(f"UDP, {size} bytes", "k packets/s"): iperf.udp(path.addresses, seconds, size)
            for size in _UDP_BYTES}


def pings(path, seconds):
    """Round-trip times in microseconds, and how many had no reply."""
    count = seconds * _PINGS_PER_SECOND
    shown = subprocess.run(
        ["ip", "netns", "exec", "h1", "ping", "-n", "-i", str(1 / _PINGS_PER_SECOND), "-c",
         str(count), "-W", "1", "-I", path.addresses[1], path.addresses[2]],
        stdout=subprocess.PIPE, text=True).stdout
    times = sorted(float(line.split("time=")[1].split()[0]) * 1e3
                   for line in shown.splitlines() if "time=" in line)
    if not times:
        raise RuntimeError(f"no reply to any of {count} pings to {path.addresses[2]}")
    return times, count - len(times)


def start_stream(path, seconds):
    for _ in range(20):  # the server has to listen first
        stream = lab.in_host(1, ["iperf3", "-c", path.addresses[2], "-B", path.addresses[1],
                                 "-t", str(seconds)], subprocess.DEVNULL)
        time.sleep(0.5)
        if stream.poll() is None:
            return stream
    raise RuntimeError(f"no TCP stream to {path.addresses[2]}")


def latency(path, seconds):
    idle, idle_lost = pings(path, seconds)
    load = subprocess.Popen(
        ["ip", "netns", "exec", "h2", "iperf3", "-s", "-1", "-B", path.addresses[2]],
        stdout=subprocess.DEVNULL)
    stream = start_stream(path, seconds + 2)
    loaded, loaded_lost = pings(path, seconds)
    if stream.poll() is not None:
        raise RuntimeError("the load ended before the pings that it should have delayed")
    stream.wait()
    load.wait()
    return {("ping, idle, median", "us"): statistics.median(idle),
            ("ping, idle, 99 %", "us"): idle[len(idle) * 99 // 100],
            (_LOADED, "us"): statistics.median(loaded),
            (_LOADED_99, "us"): loaded[len(loaded) * 99 // 100],
            ("pings lost", "%"): 50 * (idle_lost + loaded_lost) / (seconds * _PINGS_PER_SECOND)}


_MEASURES = [tcp, many_streams, udp, latency]


def compare(results, name, other, goal, more_is_better):
    unit = next(u for n, u, _ in results if n == name)
    if (name, unit, other) not in results or (name, unit, "heddle") not in results:
        return
    ratios = [h / o for h, o in zip(results[name, unit, "heddle"], results[name, unit, other])]
    low, high = medians.bounds(ratios)
    met, missed = (low >= goal, high < goal) if more_is_better else (high <= goal, low > goal)
    verdict = "met" if met else "MISSED" if missed else "too noisy to tell"
    print(f"{name}: heddle has {statistics.median(ratios):.2f} of {other} (90 % sure of {low:.2f} to "
          f"{high:.2f}); goal {'>=' if more_is_better else '<='} {goal}: {verdict}")


def report(results, paths):
    for name, unit in dict.fromkeys((name, unit) for name, unit, _ in results):
        for path in paths:
            values = results[name, unit, path]
            low, high = medians.bounds(values)
            print(f"{name:24} {path:7} {statistics.median(values):10.2f} "
                  f"({low:.2f} to {high:.2f}) {unit}")
    print()
    for name in (_ONE, _MANY):
        compare(results, name, "plain", _TCP_GOAL_OF_PLAIN, True)
        compare(results, name, "vxlan", _TCP_GOAL_OF_VXLAN, True)
    for name in (_LOADED, _LOADED_99):
        compare(results, name, "plain", _LATENCY_GOAL_OF_PLAIN, False)


def measure(args, paths):
    results = {}
    for turn in range(-1, args.rounds):  # the first warms everything and does not count
        first = turn % len(args.paths)
        for run in _MEASURES:
            for name in args.paths[first:] + args.paths[:first]:
                for (what, unit), value in run(paths[name], args.seconds).items():
                    if turn >= 0:
                        results.setdefault((what, unit, name), []).append(value)
    return results


def main():
    args = arguments()
    lab.enter_private_namespaces()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:_CORES])
    print(f"machine: {os.cpu_count()} cores, of which {_CORES} are used, Linux "
          f"{platform.release()}, load {os.getloadavg()[0]:.1f}; {args.rounds} rounds, "
          f"{args.seconds} s for each measurement; medians, and where 90 % sure they are", flush=True)
    lab.make_hosts(2)
    hand_made.add_second_addresses()
    with tempfile.TemporaryDirectory(prefix="heddle-udp-", dir="/var/tmp") as folder:
        with contextlib.ExitStack() as stack:
            paths = {name: stack.enter_context(_MAKERS[name](args, folder)) for name in args.paths}
            report(measure(args, paths), args.paths)
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
