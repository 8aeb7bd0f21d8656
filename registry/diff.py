"""What differs between two catalogues, object by object, as people review it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import yaml

from registry.catalogue import Catalogue
from registry.manifest import read_manifests
from registry.redact import redacted

Verdict = Literal["+", "~", "-"]


@dataclass(frozen=True, slots=True)
class Change:
    """An object (or a file that objects refer to) that is new (+), different (~) or gone (-)."""

    verdict: Verdict
    kind: str
    name: str
    before: str
    after: str

    def unified(self) -> str:
        """The change as a unified diff of its text."""
        lines = difflib.unified_diff(
            self.before.splitlines(), self.after.splitlines(), "before", "after", lineterm="", n=3
        )
        return "\n".join(lines)


def compare(before: Catalogue, after: Catalogue) -> tuple[Change, ...]:
    """Every object that differs, by kind and name; then every other file. Secrets written out are not shown.

    Comments and the order of keys do not make a difference.
    """
    old, new = _objects(before), _objects(after)
    files = _files(before), _files(after)
    return (*_changes(old, new), *_changes(*files))


def to_yaml(value: Mapping[str, Any]) -> str:
    """A manifest as YAML, in the order in which it was written, with secrets hidden."""
    text: str = yaml.safe_dump(redacted(value), allow_unicode=True, sort_keys=False, width=110)
    return text


def _objects(catalogue: Catalogue) -> dict[tuple[str, str], str]:
    manifests, _ = read_manifests(catalogue)
    return {
        (kind, name): to_yaml(manifest.value)
        for kind, named in manifests.by_kind.items()
        for name, manifest in named.items()
    }


def _files(catalogue: Catalogue) -> dict[tuple[str, str], str]:
    manifests = set(catalogue.manifests())
    return {
        ("File", name): content.decode("utf-8", "replace")
        for name, content in catalogue.files.items()
        if name not in manifests
    }


def _changes(old: Mapping[tuple[str, str], str], new: Mapping[tuple[str, str], str]) -> Iterator[Change]:
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key, ""), new.get(key, "")
        if before == after:
            continue
        verdict: Verdict = "+" if key not in old else "-" if key not in new else "~"
        yield Change(verdict, *key, before, after)
