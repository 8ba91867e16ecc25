"""iperf3 from host h1 of mesh_lab to host h2."""
import json
import subprocess
import sys
import time

import mesh_lab as lab


def run(addresses, seconds, *flags):
    """The document that iperf3 prints; `addresses` by host."""
    server = lab.in_host(2, ["iperf3", "-s", "-1", "-B", addresses[2]], subprocess.DEVNULL)
    try:
        for _ in range(50):  # the server has to listen first
            result = subprocess.run(
                ["ip", "netns", "exec", "h1", "iperf3", "-J", "-c", addresses[2], "-B",
                 addresses[1], "-t", str(seconds), *flags], stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, text=True)  # errors are in the document
            document = json.loads(result.stdout)
            if "Connection refused" not in document.get("error", ""):
                break
            time.sleep(0.1)
        if "error" in document:
            sys.exit(f"iperf3 from {addresses[1]} to {addresses[2]}: {document['error']}")
        return document
    finally:
        server.kill()
        server.wait()


def tcp(addresses, seconds, streams=1):
    """Mbit/s that arrive, of all streams together."""
    document = run(addresses, seconds, "-P", str(streams))
    return document["end"]["sum_received"]["bits_per_second"] / 1e6


def udp(addresses, seconds, payload_bytes):
    """Thousands of packets that arrive a second, sent as fast as the sender can."""
    total = run(addresses, seconds, "-u", "-b", "0", "-l", str(payload_bytes))["end"]["sum"]
    return (total["packets"] - total["lost_packets"]) / total["seconds"] / 1e3
