"""What a test does when a tool that it needs is not on this machine: say so and skip, but fail where CI promises it."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def absent(what: str) -> NoReturn:
    """Skip the running test because ``what`` is missing; fail it when the environment says ``CI=true``."""
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(f"{what} is missing, and CI must have it")
    pytest.skip(f"{what} is missing on this machine")
