"""The running snapshot: read without a lock on the hot path, swapped whole when the store has a new revision."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from registry.compile import compile_catalogue
from registry.errors import Problem, RegistryError
from registry.model import Snapshot
from registry.store import RegistryStore
from registry.unmapped import Unmapped

#: Told of a failed refresh, once for each new reason.
OnProblem = Callable[[RegistryError], None]


class LiveRegistry:
    """Keeps ``snapshot`` at the store's active revision.

    ``snapshot`` is a plain attribute: a reader holds one whole snapshot for as long as it likes. ``problem`` is
    why the active revision is not the running one, or None; the running snapshot then stays. ``warnings`` belong
    to the running snapshot, ``unmapped`` counts codes across all of them.
    """

    def __init__(
        self, store: RegistryStore, environ: Mapping[str, str], *, on_problem: OnProblem | None = None
    ) -> None:
        self.snapshot = Snapshot()
        self.problem: RegistryError | None = None
        self.warnings: tuple[Problem, ...] = ()
        self.unmapped = Unmapped()
        self._store = store
        self._environ = environ
        self._on_problem = on_problem
        self._tried = 0
        self._refreshing = threading.Lock()
        self._stopping = threading.Event()
        self._watcher: threading.Thread | None = None

    def refresh(self) -> bool:
        """Compile the active revision if it is not the one tried last; tell whether the snapshot was swapped.

        Raises nothing that the store or the manifests do: that is ``problem``, and the running snapshot stays.
        """
        with self._refreshing:
            try:
                if self._store.active() == self._tried:
                    if self._tried == self.snapshot.revision:
                        self.problem = None  # the store was away for a while and is back
                    return False
                number, catalogue = self._store.current()
                self._tried = number
                compiled = compile_catalogue(catalogue, self._environ, revision=number, unmapped=self.unmapped)
            except RegistryError as error:
                self._report(error)
                return False
            except Exception as error:  # whatever a library throws at a manifest must not end the watching
                unknown = RegistryError(f"revision {self._tried} cannot be compiled: {type(error).__name__}")
                unknown.__cause__ = error
                self._report(unknown)
                return False
            self.warnings = compiled.warnings
            self.problem = None
            self.snapshot = compiled.snapshot
            return True

    def watch(self, interval: float = 0.5) -> None:
        """Refresh every ``interval`` seconds in a daemon thread until ``stop``."""
        if self._watcher is None:
            self._stopping.clear()
            self._watcher = threading.Thread(target=self._watch, args=(interval,), name="registry-watch", daemon=True)
            self._watcher.start()

    def stop(self) -> None:
        """Stop watching; the snapshot stays as it is."""
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            self._stopping.set()
            watcher.join()

    def _watch(self, interval: float) -> None:
        while not self._stopping.wait(interval):
            self.refresh()

    def _report(self, error: RegistryError) -> None:
        known = self.problem is not None and str(self.problem) == str(error)
        self.problem = error
        if self._on_problem is not None and not known:
            self._on_problem(error)
