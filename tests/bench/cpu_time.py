"""CPU seconds that the kernel has counted."""
import glob
import os

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_USER, _NICE, _SYSTEM, _IRQ, _SOFTIRQ = 1, 2, 3, 6, 7  # words of a line of /proc/stat


def of_cores():
    """All work, whoever's, on the cores that this process may use."""
    names = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    ticks = 0
    with open("/proc/stat", encoding="ascii") as lines:
        for words in (line.split() for line in lines):
            if words[0] in names:
                ticks += sum(int(words[i]) for i in (_USER, _NICE, _SYSTEM, _IRQ, _SOFTIRQ))
    return ticks / _TICKS_PER_SECOND


def of_processes(pids):
    """User and system time of all their threads."""
    ticks = 0
    for pid in pids:
        with open(f"/proc/{pid}/stat", encoding="ascii") as line:
            fields = line.read().rsplit(")", 1)[1].split()  # the name may hold blanks
        ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS_PER_SECOND


def processes_of(program):
    """Ids of the processes that run this file."""
    found = []
    for link in glob.glob("/proc/[0-9]*/exe"):
        try:
            if os.readlink(link) == program:
                found.append(int(link.split("/")[2]))
        except OSError:  # it has ended
            continue
    return found
