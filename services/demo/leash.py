"""``python -m services.demo.leash …``: the ``meridian`` command, ended by the kernel when its parent is gone."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from bus.cli import main

#: prctl(2): the signal that a process gets when its parent dies. Linux only.
_PR_SET_PDEATHSIG = 1


def tie(parent: int) -> None:
    """Have SIGTERM sent to this process when ``parent`` dies, even by kill -9; without Linux nothing happens."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the tie was made
        sys.exit(1)


if __name__ == "__main__":
    tie(int(sys.argv.pop(1)))
    main()
