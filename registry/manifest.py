"""Manifests as they were written: found in the catalogue, read, and checked one by one against their kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from registry.catalogue import Catalogue
from registry.conformity import KINDS, check_shape, nearest, past_unknown_keys
from registry.errors import Problem
from registry.located import Place, Source, read_yaml


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object. ``sound`` says that it can be compiled: it has the shape of its kind, apart from unknown keys.

    Those are problems and no longer in ``source``, so that whatever else is wrong with the object is found as well.
    """

    kind: str
    name: str
    source: Source
    sound: bool

    @property
    def value(self) -> Mapping[str, Any]:
        """The object as plain YAML values."""
        value: Mapping[str, Any] = self.source.value
        return value

    def problem(self, place: Place, message: str, hint: str = "") -> Problem:
        """A problem at a place of this manifest."""
        return self.source.problem(place, message, hint)


@dataclass(frozen=True, slots=True)
class Manifests:
    """All objects of a catalogue, by kind and name. Unsound ones are there too, so that references find them."""

    by_kind: Mapping[str, Mapping[str, Manifest]]

    def names(self, kind: str) -> Mapping[str, Manifest]:
        """Every object of this kind that has a name."""
        return self.by_kind.get(kind, {})

    def sound(self, kind: str) -> Iterator[Manifest]:
        """The objects of this kind that can be compiled."""
        return (manifest for manifest in self.names(kind).values() if manifest.sound)


def read_manifests(catalogue: Catalogue) -> tuple[Manifests, tuple[Problem, ...]]:
    """Read and check every manifest; answer all objects, and all problems found in them so far."""
    problems: list[Problem] = []
    found: dict[str, dict[str, Manifest]] = {kind: {} for kind in KINDS}
    for file in catalogue.manifests():
        sources, unreadable = read_yaml(file, catalogue.files[file])
        problems += unreadable
        for source in sources:
            manifest, wrong = _read(source)
            problems += wrong
            if manifest is None:
                continue
            first = found[manifest.kind].setdefault(manifest.name, manifest)
            if first is not manifest:
                where = f"{first.source.file}:{first.source.line(('name',))}"
                problems.append(
                    manifest.problem(("name",), f"a second {manifest.kind} {manifest.name!r}", f"first in {where}")
                )
    return Manifests(found), tuple(problems)


def _read(source: Source) -> tuple[Manifest | None, tuple[Problem, ...]]:
    value = source.value
    if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
        return None, (source.problem((), "a manifest needs a 'kind'", f"one of {', '.join(KINDS)}"),)
    kind = value["kind"]
    if kind not in KINDS:
        return None, (source.problem(("kind",), f"unknown kind {kind!r}", nearest(kind, KINDS)),)
    problems = check_shape(kind, source)
    name = value.get("name")
    if not isinstance(name, str):
        return None, problems
    mended = past_unknown_keys(kind, source) if problems else source
    return Manifest(kind, name, mended or source, sound=mended is not None), problems
