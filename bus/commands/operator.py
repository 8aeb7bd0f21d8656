"""Who gives a command, for the trails of what was done."""

from __future__ import annotations

import getpass
import os


def operator() -> str:
    """The name of whoever runs this process, as the system knows it."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return f"uid {os.getuid()}"
