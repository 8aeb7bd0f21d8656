"""Large pages: asked for where memory is in use, and nowhere else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bus import large_pages
from bus.large_pages import ranges, use_large_pages

MIB = 1 << 20

SMAPS = """\
55d000000000-55d000900000 rw-p 00000000 00:00 0                          [heap]
Size:               9216 kB
KernelPageSize:        4 kB
Rss:                9000 kB
Pss:                9000 kB
7f0000100000-7f0000700000 rw-p 00000000 00:00 0
Size:               6144 kB
Rss:                6144 kB
7f0001000000-7f0001800000 rw-p 00000000 00:00 0
Size:               8192 kB
Rss:                  24 kB
7f0002000000-7f0002800000 r--p 00000000 fe:00 77                         /usr/lib/libpython3.11.so.1.0
Size:               8192 kB
Rss:                8192 kB
7f0003000000-7f0003800000 rw-p 00000000 fe:00 77                         /usr/lib/libpython3.11.so.1.0
Size:               8192 kB
Rss:                8192 kB
7f0004000000-7f0004080000 rw-p 00000000 00:00 0
Size:                512 kB
Rss:                 512 kB
7ffd00000000-7ffd00800000 rw-p 00000000 00:00 0                          [stack]
Size:               8192 kB
Rss:                8192 kB
"""


def test_whole_pages_of_memory_in_use_are_asked_for_and_no_stack_file_or_empty_room() -> None:
    assert list(ranges(SMAPS, 2 * MIB)) == [
        (0x55D000000000, 8 * MIB),
        (0x7F0000200000, 4 * MIB),
    ]


def test_a_process_gets_large_pages_for_the_objects_that_it_holds() -> None:
    policy = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not policy.exists() or "[never]" in policy.read_text():
        pytest.skip("this kernel gives nobody large pages")
    code = (
        "from bus.large_pages import use_large_pages; import re\n"
        "held = [str(number) for number in range(400_000)]\n"
        "agreed = use_large_pages()\n"
        "print(agreed, re.search(r'AnonHugePages: +(\\d+)', open('/proc/self/smaps_rollup').read())[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    agreed, kept = map(int, done.stdout.split())
    assert agreed >= 4 * MIB
    assert kept * 1024 >= agreed // 2


@pytest.mark.parametrize("missing", ["_PAGE_SIZE", "_SMAPS"])
def test_a_kernel_without_large_pages_changes_nothing(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_pages, missing, tmp_path / "absent")
    assert use_large_pages() == 0
