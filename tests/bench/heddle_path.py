"""Heddle's path between the hosts h1 and h2 of mesh_lab: the real controller and two real nodes."""
import glob
import json
import os
import signal
import subprocess
import time

import mesh_lab as lab
import security

_WAIT_SECONDS = 60


class Heddle:
    """The controller and both nodes, for one backend; a context.

    `args` are those of security.add_arguments, with `node`; and `forwarder` for the udp backend.
    """

    def __init__(self, args, backend, folder):
        self.args, self.backend, self.folder, self.processes = args, backend, folder, []

    def __enter__(self):
        conf = f"{self.folder}/net-conf.json"
        with open(conf, "w", encoding="ascii") as out:
            json.dump({"Network": "10.244.0.0/16", "Backend": {"Type": self.backend}}, out)
        self.log = open(f"{self.folder}/log", "wb")
        secure = security.Security(self.args, self.folder)
        self.processes.append(subprocess.Popen(
            [self.args.controller, *secure.controller_flags("c1"), "--id", "c1",
             "--net-conf", conf, "--data-dir", f"{self.folder}/controller",
             "--listen", "10.0.0.1:7411"], stdout=self.log, stderr=self.log))
        secure.make_ticket("10.0.0.1:7411", 2)
        for n in (1, 2):
            os.makedirs(f"{self.folder}/h{n}")
            self.processes.append(lab.in_host(n, [
                self.args.node, *secure.node_flags(), *self._forwarder_flags(),
                "--controllers", "10.0.0.1:7411", "--node-id", f"h{n}",
                "--public-ip", lab.host_address(n), "--iface", "eth0",
                "--subnet-file", f"{self.folder}/h{n}/subnet.env",
                "--state-dir", f"{self.folder}/h{n}"], self.log))
        try:
            self.addresses = self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
            process.wait()
        for n in (1, 2):  # the kernel's objects stay after the node: remove them by its own command
            subprocess.run(["ip", "netns", "exec", f"h{n}", self.args.node, "cleanup",
                            "--subnet-file", f"{self.folder}/h{n}/subnet.env",
                            "--state-dir", f"{self.folder}/h{n}"], check=True,
                           stdout=self.log, stderr=self.log)
            lab.run("ip", "-n", f"h{n}", "addr", "flush", "dev", "lo", "to", "10.244.0.0/16")
        self.log.close()

    def _forwarder_flags(self):
        return ["--forwarder", self.args.forwarder] if self.backend == "udp" else []

    def _wait(self):
        """The first pod address of each host, once both have a path to the other's."""
        deadline = time.monotonic() + _WAIT_SECONDS
        while time.monotonic() < deadline and all(p.poll() is None for p in self.processes):
            addresses = {n: self._pod_address(n) for n in (1, 2)}
            routes = [lab.run("ip", "-n", f"h{n}", "route", "show", "proto", "104")
                      for n in (1, 2)]
            if all(addresses.values()) and all(routes):
                for n, address in addresses.items():
                    lab.run("ip", "-n", f"h{n}", "addr", "replace", f"{address}/32", "dev", "lo")
                return addresses
            time.sleep(0.2)
        with open(self.log.name, errors="replace") as log:
            raise RuntimeError(f"{self.backend}: no path between the hosts:\n{log.read()[-2000:]}")

    def _pod_address(self, n):
        for path in glob.glob(f"{self.folder}/h{n}/subnet.env"):
            with open(path, encoding="ascii") as env:
                values = dict(line.strip().split("=", 1) for line in env)
            return values["FLANNEL_SUBNET"].split("/")[0]
        return None
