"""What the machine still has: free disk, and the memory of this process against its limit. All figures in bytes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_SELF = Path("/proc/self/statm")
#: Where the kernel says what a container may have: control groups version 2, then version 1.
_CGROUPS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
#: Version 1 writes "no limit" as a number beyond every machine.
_NO_LIMIT = 1 << 60


def free_disk(folder: Path) -> int:
    """Free space on the volume of ``folder``; 0 where it cannot be asked."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0


def resident_memory() -> int:
    """How much memory this process holds (``proc_pid_statm(5)``); 0 where the system does not say."""
    try:
        return int(_SELF.read_text().split()[1]) * _PAGE
    except (OSError, ValueError, IndexError):
        return 0


def container_memory() -> int:
    """The most memory that this process's container may hold; 0 where there is no limit."""
    for file in _CGROUPS:
        try:
            text = file.read_text().strip()
        except OSError:
            continue
        limit = int(text) if text.isdigit() else 0
        return limit if limit < _NO_LIMIT else 0
    return 0
