"""Rules of the kernel's packet filter in the network of a component, by ``iptables``, found again by a comment in each."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_obscheck.errors import FaultFailed
from pytest_obscheck.faults import _helpers

SIDES = (("INPUT", "--dport"), ("OUTPUT", "--sport"))
"""The chains through which goes what comes to a port, and what leaves it."""
KEEPER = """
import os, shlex, subprocess, sys, time
key, parent, *reach = sys.argv[1:]
while os.getppid() == int(parent):
    time.sleep(0.2)
saved = subprocess.run([*reach, "iptables-save", "-t", "filter"], check=False, capture_output=True, text=True).stdout
for rule in map(shlex.split, saved.splitlines()):
    if key in rule:
        subprocess.run([*reach, "iptables", "-w", "-D", *rule[1:]], check=False)
"""
"""Takes the rules away when the harness was killed: this machine's own network would keep them."""


@dataclass(frozen=True)
class Filter:
    """What is dropped, under a key, in the network in which processes are."""

    key: str
    pids: Sequence[int]

    def drop(self, share: float, ports: Sequence[int]) -> None:
        """Drop a share of the packets to and from ports; ``FaultFailed`` where the kernel does not."""
        if not _helpers.running(self.key):
            _helpers.spawn(self.key, KEEPER, os.getpid(), *self._reach())
        for port in ports:
            for chain, side in SIDES:
                self._run("iptables", "-w", "-I", chain, *words(self.key, side, port, share))

    def dropped(self) -> list[int]:
        """Return how many packets each rule has dropped so far; none where there is no rule."""
        return [int(packets) for packets, _ in self._rules()]

    def clear(self) -> None:
        """Drop no more; nothing where nothing is dropped."""
        for _, rule in self._rules():
            self._run("iptables", "-w", "-D", *rule)
        _helpers.end(self.key)

    def _rules(self) -> Iterator[tuple[str, list[str]]]:
        """Yield the packets that each rule has seen, and the rule: the format of iptables-save(8), ``[2:120] -A INPUT …``."""
        for line in self._run("iptables-save", "-c", "-t", "filter").splitlines():
            rule = shlex.split(line)
            if self.key in rule:
                yield rule[0].strip("[").partition(":")[0], rule[2:]

    def _reach(self) -> tuple[str, ...]:
        """Return by what a program gets into their network; nothing where that is the harness's own."""
        there = next((Path(f"/proc/{pid}/ns/net") for pid in self.pids), Path("/proc/self/ns/net"))
        return () if there.samefile("/proc/self/ns/net") else ("nsenter", f"--net={there}")

    def _run(self, *argv: str) -> str:
        try:
            done = subprocess.run([*self._reach(), *argv], check=False, capture_output=True, text=True, timeout=10)
        except OSError as error:
            raise FaultFailed(f"{error.filename or argv[0]}: {error.strerror}") from error
        if done.returncode:
            raise FaultFailed(f"{' '.join(argv)}: {done.stderr.strip()}")
        return done.stdout


def words(key: str, side: str, port: int, share: float) -> Iterator[str]:
    """Yield one rule as ``iptables`` is told it."""
    yield from ("-p", "tcp", side, str(port), "-m", "statistic", "--mode", "random", "--probability", f"{share:g}")
    yield from ("-m", "comment", "--comment", key, "-j", "DROP")
