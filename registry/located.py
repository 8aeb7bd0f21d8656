"""YAML with its line numbers kept, so that every problem can say where it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import yaml

from registry.errors import Problem

#: Where a value stands in a YAML document: mapping keys and sequence positions from the top.
Place: TypeAlias = tuple[str | int, ...]

MAX_NODES = 200_000

_TAG = "tag:yaml.org,2002:"
_SCALARS = frozenset(_TAG + kind for kind in ("str", "int", "float", "bool", "null", "timestamp"))


@dataclass(frozen=True, slots=True)
class Source:
    """One YAML document: its value, and the line (from 1) of every place in it."""

    file: str
    value: Any
    lines: Mapping[Place, int] = field(repr=False)

    def line(self, place: Place) -> int:
        """The line of ``place``, or of the nearest thing around it."""
        while place not in self.lines and place:
            place = place[:-1]
        return self.lines.get(place, 1)

    def problem(self, place: Place, message: str, hint: str = "") -> Problem:
        """A problem at ``place``."""
        return Problem(self.file, self.line(place), message, hint)


def read_yaml(file: str, content: bytes) -> tuple[tuple[Source, ...], tuple[Problem, ...]]:
    """Read every document of a YAML file; answer those that could be read, and everything wrong with the rest."""
    problems: list[Problem] = []
    sources: list[Source] = []
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return (), (Problem(file, line, "not UTF-8", "save the manifest as UTF-8"),)
    try:
        for node in yaml.compose_all(text, Loader=yaml.SafeLoader):
            reader = _Reader(file, problems)
            value = reader.read(node, ())
            if value is not None:
                sources.append(Source(file, value, reader.lines))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.append(Problem(file, mark.line + 1 if mark else 1, f"not YAML: {error.problem or error.context}"))
    except yaml.YAMLError as error:
        problems.append(Problem(file, 1, f"not YAML: {str(error).splitlines()[0]}"))
    except (_TooMuch, RecursionError):
        problems.append(Problem(file, 1, f"unfolds into itself, too deep, or past {MAX_NODES} values", "avoid aliases"))
    return tuple(sources), tuple(problems)


class _TooMuch(Exception):
    """Aliases that unfold into more than anybody wrote, or into themselves."""


class _Reader:
    """Turns composed nodes into plain values, noting lines; unsafe tags and double keys become problems."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = problems
        self.lines: dict[Place, int] = {}
        self.constructor = yaml.constructor.SafeConstructor()
        self.count = 0
        self.open: set[int] = set()

    def read(self, node: yaml.Node, place: Place) -> Any:
        self.count += 1
        if self.count > MAX_NODES or id(node) in self.open:
            raise _TooMuch
        self.lines.setdefault(place, node.start_mark.line + 1)
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.MappingNode):
                return {key: self.read(child, (*place, key)) for key, child in self._entries(node, place)}
            if isinstance(node, yaml.SequenceNode):
                self._plain(node, "seq")
                return [self.read(child, (*place, number)) for number, child in enumerate(node.value)]
            return self._scalar(node)
        finally:
            self.open.discard(id(node))

    def _entries(self, node: yaml.MappingNode, place: Place) -> Iterator[tuple[str, yaml.Node]]:
        self._plain(node, "map")
        seen: dict[str, int] = {}
        for key_node, child in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == _TAG + "merge":
                self._problem(key_node, "a key must be a plain word", "write merged keys out in full")
                continue
            key, line = key_node.value, key_node.start_mark.line + 1
            if key in seen:
                self._problem(key_node, f"the key {key!r} stands here twice", f"first on line {seen[key]}")
                continue
            seen[key] = line
            self.lines[*place, key] = line
            yield key, child

    def _scalar(self, node: yaml.Node) -> Any:
        if node.tag not in _SCALARS:
            self._problem(node, f"the tag {node.tag} is not allowed here", "quote the text if it is text")
            return node.value
        if node.tag == _TAG + "timestamp":
            return node.value  # dates are text in manifests
        try:
            return self.constructor.construct_object(node)
        except (ValueError, yaml.YAMLError):
            self._problem(node, "a value that YAML cannot read", "quote it")
            return node.value

    def _plain(self, node: yaml.Node, kind: str) -> None:
        if node.tag != _TAG + kind:
            self._problem(node, f"the tag {node.tag} is not allowed here")

    def _problem(self, node: yaml.Node, message: str, hint: str = "") -> None:
        self.problems.append(Problem(self.file, node.start_mark.line + 1, message, hint))
