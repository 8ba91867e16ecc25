#!/usr/bin/env python3
"""Starts a program as its systemd unit confines it: user, capabilities, system calls, memory.

    confine.py UNIT PROGRAM [ARGUMENT...]

What counts of the unit: DynamicUser (the program runs as nobody then), CapabilityBoundingSet,
NoNewPrivileges, LimitCORE, RestrictAddressFamilies, SystemCallFilter with SystemCallErrorNumber and
MemoryDenyWriteExecute. The sets of system calls are those of `systemd-analyze syscall-filter`, and
the filter is made by libseccomp, as systemd's. What concerns the file tree is left out. Needs root.
"""
import ctypes
import errno
import os
import re
import resource
import socket
import subprocess
import sys

_PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP, _PR_SET_MDWE = 38, 24, 65
_CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13}  # that a unit of ours may name
_NOBODY = 65534
_ALLOW, _ERRNO, _COMPARE_EQUAL, _UNKNOWN_CALL = 0x7FFF0000, 0x00050000, 4, -1
_ONLY = {"CapabilityBoundingSet", "SystemCallFilter", "RestrictAddressFamilies"}


class _Compare(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("operator", ctypes.c_int),
                ("value", ctypes.c_uint64), ("unused", ctypes.c_uint64)]


def read_unit(path):
    """The settings of [Service]; those that may be given several times as lists of their lines."""
    settings = {name: [] for name in _ONLY}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            found = re.fullmatch(r"([A-Za-z]+)=(.*)\n", line)
            if not found:
                continue
            name, value = found.groups()
            if name in _ONLY:
                settings[name].append(value)
            else:
                settings[name] = value
    return settings


def expand(name):
    """The system calls of a set such as @system-service, or the one that is named."""
    if not name.startswith("@"):
        return {name}
    listed = subprocess.run(["systemd-analyze", "--no-pager", "syscall-filter", name], check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    calls = set()
    for line in listed.splitlines()[1:]:
        word = line.strip()
        if word and not word.startswith("#"):
            calls |= expand(word)
    return calls


def allowed_calls(lines):
    calls = set()
    for line in lines:
        named = set().union(*(expand(word) for word in line.lstrip("~").split()))
        calls = calls - named if line.startswith("~") else calls | named
    # What systemd always allows: without them nothing can be started.
    return calls | expand("@default") | {"execve", "execveat"}


def check(result, what):
    if result < 0:
        sys.exit(f"confine.py: {what}: error {-result}")


def filter_calls(unit):
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    context = ctypes.c_void_p(library.seccomp_init(
        _ERRNO | getattr(errno, unit["SystemCallErrorNumber"])))
    families = [getattr(socket, word) for line in unit["RestrictAddressFamilies"]
                for word in line.split()]
    for name in sorted(allowed_calls(unit["SystemCallFilter"])):
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number == _UNKNOWN_CALL:
            continue
        if name != "socket" or not families:
            check(library.seccomp_rule_add_array(context, _ALLOW, number, 0, None), name)
            continue
        for family in families:
            comparison = _Compare(0, _COMPARE_EQUAL, family, 0)
            check(library.seccomp_rule_add_array(context, _ALLOW, number, 1,
                                                 ctypes.byref(comparison)), name)
    check(library.seccomp_load(context), "the filter")


def main():
    unit, program = read_unit(sys.argv[1]), sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)

    def prctl(*arguments):
        if libc.prctl(*arguments, *[0] * (5 - len(arguments))) != 0:
            sys.exit(f"confine.py: prctl{arguments}: {os.strerror(ctypes.get_errno())}")

    # Opened by root: the folders above it need not be open to the user.
    executable = os.open(program[0], os.O_RDONLY | os.O_CLOEXEC)
    kept = {_CAPABILITIES[word] for line in unit["CapabilityBoundingSet"] for word in line.split()}
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as last:
        for capability in set(range(int(last.read()) + 1)) - kept:
            prctl(_PR_CAPBSET_DROP, capability)
    if unit["LimitCORE"] == "0":
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if unit.get("DynamicUser") == "yes":
        os.setgroups([])
        os.setgid(_NOBODY)
        os.setuid(_NOBODY)
    if unit["NoNewPrivileges"] == "yes":
        prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if unit["MemoryDenyWriteExecute"] == "yes":
        prctl(_PR_SET_MDWE, 1)
    filter_calls(unit)
    os.execve(executable, program, os.environ)


if __name__ == "__main__":
    main()
