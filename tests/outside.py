"""What a test does when a tool that it needs is not on this machine: say so and skip, but fail where CI promises it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest


def absent(what: str) -> NoReturn:
    """Skip the running test because ``what`` is missing; fail it when the environment says ``CI=true``."""
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(f"{what} is missing, and CI must have it")
    pytest.skip(f"{what} is missing on this machine")


def samples(folder: str) -> Path:
    """A folder of files that other projects published, below ``MERIDIAN_SAMPLES``; skips where there is none."""
    found = Path(os.environ.get("MERIDIAN_SAMPLES", "samples")) / folder
    if not found.is_dir():
        pytest.skip(f"published samples are missing: let MERIDIAN_SAMPLES name the folder that holds {folder}/")
    return found
