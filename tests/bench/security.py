"""What the programs of a benchmark prove themselves with: as on real hosts, or --insecure."""
import os
import shutil
import subprocess
import time

_CONTROLLER_SECONDS = 20


def add_arguments(parser):
    parser.add_argument("--controller", required=True, help="path of heddle-controller")
    parser.add_argument("--heddlectl", required=True, help="path of heddlectl")
    parser.add_argument("--insecure", action="store_true", help="without TLS, to compare")


class Security:
    """The CA of one cluster, below `folder`; made by the first controller's init."""

    def __init__(self, args, folder):
        self._args, self._folder, self._first = args, folder, None
        self._admin, self._ticket = f"{folder}/admin.pem", f"{folder}/ticket"

    def controller_flags(self, name):
        """Those of the controller `name`, whose keys are made here when they are not there."""
        if self._args.insecure:
            return ["--insecure"]
        folder = f"{self._folder}/tls-{name}"
        if not os.path.exists(folder):
            if self._first:
                os.mkdir(folder, 0o700)
                for file in ("ca.pem", "ca-key.pem"):
                    shutil.copy(f"{self._first}/{file}", folder)
            subprocess.run([self._args.controller, "init", "--id", name, "--tls-dir", folder,
                            "--admin-identity", self._admin], check=True, stdout=subprocess.DEVNULL)
            self._first = self._first or folder
        return ["--tls-dir", folder]

    def ctl_flags(self):
        return ["--insecure"] if self._args.insecure else ["--identity", self._admin]

    def make_ticket(self, address, uses):
        """For so many nodes of the controller at `address`, once it answers."""
        if self._args.insecure:
            return
        command = [self._args.heddlectl, *self.ctl_flags(), "--controller", address,
                   "token", "create", "--uses", str(uses), "--out", self._ticket]
        give_up_at = time.monotonic() + _CONTROLLER_SECONDS
        while subprocess.run(command, check=time.monotonic() > give_up_at,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
            time.sleep(0.2)

    def node_flags(self):
        return ["--insecure"] if self._args.insecure else ["--join", self._ticket]
