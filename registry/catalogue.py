"""The files of one revision: manifests and everything they refer to, as bytes under relative names."""

from __future__ import annotations

import difflib
import hashlib
import os
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from registry.errors import ManifestInvalid, Problem

MANIFEST_SUFFIXES = (".yaml", ".yml")

#: What a catalogue takes from a folder. Everything else there (programs, notes, pictures) stays behind.
SUFFIXES = (*MANIFEST_SUFFIXES, ".wsdl", ".xsd", ".xslt", ".xsl", ".xml", ".jq", ".json", ".csv")

#: Folders that hold no manifests: YAML below ``contracts`` is a contract, and test cases stay out altogether.
ASSET_FOLDERS = frozenset({"contracts"})
SKIPPED_FOLDERS = frozenset({"cases", "node_modules", "__pycache__"})

MAX_FILE = 16 * 1024 * 1024
MAX_FILES = 10_000


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


def from_folder(folder: Path) -> Catalogue:
    """Read a folder tree into a catalogue: known suffixes only, no hidden files, no links that leave it.

    Raises ManifestInvalid for a folder that cannot be read, a link that leads outside, or a file over 16 MiB.
    """
    root = folder.resolve()
    if not root.is_dir():
        raise ManifestInvalid((Problem(str(folder), 1, "no such folder"),))
    files: dict[str, bytes] = {}
    problems: list[Problem] = []
    for path in _walk(root):
        name = path.relative_to(root).as_posix()
        try:
            if not path.resolve().is_relative_to(root):
                problems.append(Problem(name, 1, "a link that leads outside of the catalogue", "copy the file instead"))
            elif path.stat().st_size > MAX_FILE:
                problems.append(Problem(name, 1, f"larger than {MAX_FILE // 1024 // 1024} MiB"))
            else:
                files[name] = path.read_bytes()
        except OSError as error:
            problems.append(Problem(name, 1, f"cannot be read: {error.strerror}"))
    if len(files) > MAX_FILES:
        problems.append(Problem(str(folder), 1, f"more than {MAX_FILES} files", "point at the manifests' own folder"))
    if problems:
        raise ManifestInvalid(tuple(sorted(problems)))
    return Catalogue(files)


def _walk(root: Path) -> Iterable[Path]:
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith(".") and name not in SKIPPED_FOLDERS)
        for name in sorted(names):
            if name.endswith(SUFFIXES) and not name.startswith("."):
                yield Path(folder, name)


def _name_problems(names: Iterable[str]) -> Iterable[Problem]:
    for name in names:
        if not name or name.startswith("/") or "\\" in name or any(ord(letter) < 32 for letter in name):
            yield Problem(repr(name), 1, "not a relative POSIX path")
        elif posixpath.normpath(name) != name or name.split("/")[0] == "..":
            yield Problem(name, 1, "a path that leaves the catalogue or is not in its shortest form")
