"""The folder of a SQLite journal: which files it has, and who may write them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from datetime import date
from pathlib import Path

from bus.errors import JournalUnavailable

#: How long a starting writer waits for the one before it (or a reader's glance) to let go, in seconds.
_PATIENCE = 3.0


def path_of(folder: Path, day: date) -> Path:
    """The file of one partition."""
    return folder / f"{day.isoformat()}.db"


def days_in(folder: Path) -> list[date]:
    """The partitions that exist, newest first."""
    days = []
    for path in folder.glob("????-??-??.db"):
        with contextlib.suppress(ValueError):
            days.append(date.fromisoformat(path.stem))
    return sorted(days, reverse=True)


def drop_before(folder: Path, oldest: date) -> None:
    """Remove the partitions before ``oldest``, each with its log. Raises OSError."""
    for day in days_in(folder):
        if day < oldest:
            path = path_of(folder, day)
            # The file goes last: a log without its file would be applied to a later file of that name.
            for each in (path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm"), path):
                each.unlink(missing_ok=True)


class WriterLock:
    """Lets one process write a folder: SQLite before 3.51.3 can corrupt a WAL that two connections write.

    The lock file names the boot that holds it. A process that dies, however it dies, lets go.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "writer.lock"
        self._descriptor = -1

    def acquire(self, boot: str) -> None:
        """Take the lock for this boot. Raises JournalUnavailable while another process holds it."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            self._wait()
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, boot.encode(), 0)
        except OSError as error:
            self.release()
            if isinstance(error, BlockingIOError):
                text = f"{self._path}: another process writes this journal; stop it, or use PostgreSQL for several"
                raise JournalUnavailable(text) from error
            raise JournalUnavailable(f"{self._path}: cannot be written ({error.strerror})") from error

    def _wait(self) -> None:
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)
            else:
                return

    def release(self) -> None:
        """Let go; closing the file gives the lock back."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def living_boot(folder: Path) -> str:
    """The boot that writes this folder now, or empty when no living process does."""
    try:
        with (folder / "writer.lock").open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return lock.read().decode()
    except OSError:
        return ""
    return ""
