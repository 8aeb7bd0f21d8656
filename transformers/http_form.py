"""A document as an HTTP request: which of its fields stand in path, query and headers, and which in the body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from transformers.document import Json
from transformers.errors import Violation
from transformers.http_fields import FieldUnreadable, HttpField, Place


@dataclass(frozen=True, slots=True)
class Split:
    """A document taken apart: ``path`` holds encoded parts by template name, ``body`` None means no body."""

    path: Mapping[str, str]
    query: str
    headers: Mapping[str, str]
    body: Json


@dataclass(frozen=True, slots=True)
class HttpForm:
    """Both directions of one operation's requests.

    ``body`` is the field that holds the body, or empty: then the body is what is left of the document.
    ``has_body`` false: no body is sent, and what is left goes into the query. ``media`` names a body's type where
    the contract wants another than ``application/json``.
    """

    fields: tuple[HttpField, ...] = ()
    body: str = ""
    has_body: bool = True
    media: str = ""
    scattered: bool = field(init=False, repr=False, compare=False)
    """Whether parts of the document may stand elsewhere than in path, query and the body as a whole."""
    _known: Mapping[tuple[Place, str], HttpField] = field(init=False, repr=False, compare=False)
    _headers: tuple[HttpField, ...] = field(init=False, repr=False, compare=False)
    _deep: tuple[HttpField, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        known = {(each.place, each.wire): each for each in self.fields}
        object.__setattr__(self, "_known", known)
        object.__setattr__(self, "_headers", tuple(each for each in self.fields if each.place == "header"))
        object.__setattr__(self, "scattered", bool(self.body or self._headers))
        object.__setattr__(self, "_deep", tuple(each for each in self.fields if each.style == "deepObject"))

    def gather(
        self, path: Mapping[str, str], query: Iterable[tuple[str, str]], headers: Mapping[str, str]
    ) -> tuple[dict[str, Json], tuple[Violation, ...]]:
        """The fields of a request by their names in the document, typed, and every one that cannot be read.

        ``path`` is by field name, ``headers`` have lower-case names. A query field that nobody declared stays text.
        """
        declared: dict[str, tuple[HttpField, list[tuple[str, str]]]] = {}
        loose: dict[str, list[str]] = {}
        for place, name, text in _texts(path, query):
            found, key = self._find(place, name)
            if found is None:
                loose.setdefault(name, []).append(text)
            else:
                declared.setdefault(found.name, (found, []))[1].append((key, text))
        for one in self._headers:
            if one.wire in headers:
                declared[one.name] = one, [("", headers[one.wire])]
        document: dict[str, Json] = {
            name: values[0] if len(values) == 1 else list[Json](values) for name, values in loose.items()
        }
        violations: list[Violation] = []
        for name, (one, texts) in declared.items():
            try:
                document[name] = one.read(texts)
            except FieldUnreadable as error:
                violations.append(Violation(f"/{name}", f"{error} (in the {one.place})", "type"))
        return document, tuple(violations)

    def split(self, document: Mapping[str, Json]) -> Split:
        """Take a document apart. Raises MappingFailed for a value that cannot stand where its field belongs."""
        rest = dict(document)
        path: dict[str, str] = {}
        pieces: list[str] = []
        headers: dict[str, str] = {}
        for one in self.fields:
            value = rest.pop(one.name, None)
            if value is None:
                continue
            if one.place == "path":
                path[one.wire] = one.segment(value)
            elif one.place == "query":
                pieces += one.pieces(value)
            else:
                headers[one.wire] = one.header(value)
        body: Json = None
        if self.has_body:
            body = rest.pop(self.body, None) if self.body else rest
        if not self.has_body or self.body:
            pieces += _loose(rest)
        return Split(path, "&".join(pieces), headers, body)

    def _find(self, place: Place, name: str) -> tuple[HttpField | None, str]:
        """The field of this name, with its key where the name is ``name[key]`` (``deepObject``)."""
        found = self._known.get((place, name))
        if found is None and self._deep and place == "query" and name.endswith("]"):
            wire, _, key = name[:-1].partition("[")
            return next((each for each in self._deep if each.wire == wire), None), key
        return found, ""


def _texts(path: Mapping[str, str], query: Iterable[tuple[str, str]]) -> Iterator[tuple[Place, str, str]]:
    yield from (("path", name, text) for name, text in path.items())
    yield from (("query", name, text) for name, text in query)


def _loose(rest: Mapping[str, Json]) -> Iterator[str]:
    """Query pieces of fields that nobody declared. Raises MappingFailed for a nested value."""
    for name, value in rest.items():
        yield from HttpField(name, name, "query", read=lambda texts: None).pieces(value)


#: Nothing is known of the fields: the body is the document, and whatever stands in the address is text.
WHOLE: Final = HttpForm()
