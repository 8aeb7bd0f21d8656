"""Gathers every problem of a compilation, so that one run reports them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from registry.errors import ManifestInvalid, Problem
from registry.located import Place
from registry.manifest import Manifest

T = TypeVar("T")


@dataclass(slots=True)
class Findings:
    """Problems forbid a snapshot; warnings are shown and change nothing. The same one is kept once."""

    problems: set[Problem] = field(default_factory=set)
    warnings: set[Problem] = field(default_factory=set)

    def add(self, problems: Iterable[Problem]) -> None:
        """Note these problems."""
        self.problems.update(problems)

    def warn(self, warning: Problem) -> None:
        """Note something that is allowed and probably not meant."""
        self.warnings.add(warning)

    def attempt(self, work: Callable[[], T]) -> T | None:
        """What ``work`` gives; None, with its problems noted, when it raises ManifestInvalid."""
        try:
            return work()
        except ManifestInvalid as error:
            self.add(error.problems)
            return None

    def settle(self) -> None:
        """Raise ManifestInvalid with every problem, by file and line, if there is one."""
        if self.problems:
            raise ManifestInvalid(tuple(sorted(self.problems)))


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a manifest: what is compiled here, and where to point when it cannot be."""

    manifest: Manifest
    place: Place = ()

    @property
    def file(self) -> str:
        """The manifest's file, which file references are relative to."""
        return self.manifest.source.file

    def at(self, *parts: str | int) -> Spot:
        """A spot further in."""
        return Spot(self.manifest, (*self.place, *parts))

    def problem(self, message: str, hint: str = "") -> Problem:
        """A problem here."""
        return self.manifest.problem(self.place, message, hint)

    def refuse(self, message: str, hint: str = "") -> ManifestInvalid:
        """The error to raise when the thing here cannot be compiled."""
        return ManifestInvalid((self.problem(message, hint),))
