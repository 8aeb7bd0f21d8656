"""The files of one revision: manifests and everything they refer to, as bytes under relative names."""

from __future__ import annotations

import difflib
import hashlib
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from registry.errors import ManifestInvalid, Problem

MANIFEST_SUFFIXES = (".yaml", ".yml")

#: Folders that hold no manifests: YAML below ``contracts`` is a contract.
ASSET_FOLDERS = frozenset({"contracts"})


@dataclass(frozen=True, slots=True)
class Catalogue:
    """An immutable set of files. Names are relative POSIX paths inside the catalogue, checked at construction.

    Raises ManifestInvalid when a name leaves the catalogue or could mean two files.
    """

    files: Mapping[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if problems := tuple(sorted(_name_problems(self.files))):
            raise ManifestInvalid(problems)
        object.__setattr__(self, "files", MappingProxyType(dict(sorted(self.files.items()))))

    def manifests(self) -> tuple[str, ...]:
        """The names of the files that hold manifests, sorted."""
        return tuple(
            name
            for name in self.files
            if name.endswith(MANIFEST_SUFFIXES) and not ASSET_FOLDERS & set(name.split("/")[:-1])
        )

    def hashes(self) -> dict[str, str]:
        """The SHA-256 of every file, by name."""
        return {name: hashlib.sha256(content).hexdigest() for name, content in self.files.items()}

    def resolve(self, reference: str, base: str) -> str | None:
        """The name of the file that ``reference`` means in the file ``base``; None when there is none."""
        name = posixpath.normpath(posixpath.join(posixpath.dirname(base), reference))
        return name if name in self.files else None

    def nearest(self, reference: str, base: str) -> str:
        """A hint naming the file most like ``reference``, written as ``base`` would refer to it; or empty."""
        folder = posixpath.dirname(base)
        candidates = {posixpath.relpath(name, folder or "."): name for name in self.files if name != base}
        close = difflib.get_close_matches(reference, candidates, n=1)
        return f"did you mean {close[0]}?" if close else "the path is relative to the manifest's folder"


def _name_problems(names: Iterable[str]) -> Iterable[Problem]:
    for name in names:
        if not name or name.startswith("/") or "\\" in name or any(ord(letter) < 32 for letter in name):
            yield Problem(repr(name), 1, "not a relative POSIX path")
        elif posixpath.normpath(name) != name or name.split("/")[0] == "..":
            yield Problem(name, 1, "a path that leaves the catalogue or is not in its shortest form")
