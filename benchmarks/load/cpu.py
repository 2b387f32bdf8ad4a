"""What a process and its children have spent, and what they hold."""

from typing import Any

import psutil


def cpu_seconds(pid: int) -> float:
    """Return the seconds of CPU that a process and those it started have taken so far."""
    return float(sum(times.user + times.system for times in _asked(pid, "cpu_times")))


def resident_bytes(pid: int) -> int:
    """Return the memory that a process and those it started hold, shared pages counted in each."""
    return int(sum(memory.rss for memory in _asked(pid, "memory_info")))


def _asked(pid: int, question: str) -> list[Any]:
    parent = psutil.Process(pid)
    found = []
    for process in (parent, *parent.children(recursive=True)):
        try:
            found.append(getattr(process, question)())
        except psutil.NoSuchProcess:
            continue  # It ended while we asked.
    return found
