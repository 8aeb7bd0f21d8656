"""The registry's branch of the error tree.

RegistryError
├── ManifestInvalid      one or more problems in the manifests; carries all of them with file and line
├── RevisionUnknown      no such revision to read or to roll back to
└── RegistryUnavailable  the store cannot be read or written
"""

from __future__ import annotations

from dataclasses import dataclass

from transformers.errors import MeridianError


class RegistryError(MeridianError):
    """Something about what exists, or about the store that knows it."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with the manifests: where (``file``, ``line`` from 1), what, and what to do about it."""

    file: str
    line: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}: {self.message}{hint}"


class ManifestInvalid(RegistryError):
    """The manifests do not make a snapshot; ``problems`` holds every reason at once."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class RevisionUnknown(RegistryError):
    """No such revision."""


class RegistryUnavailable(RegistryError):
    """The registry's store cannot be reached or written."""
