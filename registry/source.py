"""Where catalogues come from: a folder tree of manifests and the files they refer to."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from registry.catalogue import MANIFEST_SUFFIXES, Catalogue
from registry.errors import ManifestInvalid, Problem

#: Certificates are public; what else may stand in such a file is not for the store.
CERTIFICATES = (".pem", ".crt", ".cer")

#: What a catalogue takes from a folder. Everything else there (programs, notes, pictures) stays behind.
SUFFIXES = (*MANIFEST_SUFFIXES, *CERTIFICATES, ".wsdl", ".xsd", ".xslt", ".xsl", ".xml", ".jq", ".json", ".csv")

#: Test cases are no part of a revision.
SKIPPED_FOLDERS = frozenset({"cases", "node_modules", "__pycache__"})

MAX_FILE = 16 * 1024 * 1024
MAX_FILES = 10_000


def read_folder(folder: Path) -> Catalogue:
    """Read a folder tree into a catalogue: known suffixes only, no hidden files, no links that leave it.

    Raises ManifestInvalid for a folder that cannot be read, a link that leads outside, a file over 16 MiB, or a
    private key.
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
                if name.endswith(CERTIFICATES) and b"PRIVATE KEY" in files[name]:
                    hint = "keep keys outside of the catalogue and name them by an environment variable"
                    problems.append(Problem(name, 1, "holds a private key, which would be stored and shown", hint))
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
