"""Reads the ``cases`` folders of a catalogue; every mistake with its file and line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bus.cases.case import Case, Expected, Provided
from registry.catalogue import MANIFEST_SUFFIXES
from registry.conformity import check_shape
from registry.errors import ManifestInvalid, Problem
from registry.located import Place, Source, read_yaml
from transformers import charset, json_text, xml
from transformers.document import Document
from transformers.errors import DocumentError

FOLDER = "cases"


def read_cases(folder: Path) -> tuple[Case, ...]:
    """Every case below ``folder``, in the order of files and of cases in them. Raises ManifestInvalid."""
    cases: list[Case] = []
    problems: list[Problem] = []
    for path in sorted(folder.rglob(f"{FOLDER}/**/*")):
        if path.suffix not in MANIFEST_SUFFIXES:
            continue
        name = path.relative_to(folder).as_posix()
        sources, wrong = read_yaml(name, path.read_bytes())
        problems += wrong
        for source in sources:
            shape = check_shape("Cases", source)
            problems += shape
            if not shape:
                cases += _File(path.parent, source, problems).cases()
    if problems:
        raise ManifestInvalid(tuple(sorted(problems)))
    return tuple(cases)


class _File:
    """One document of a case file; what cannot be read in it is added to ``problems``."""

    def __init__(self, folder: Path, source: Source, problems: list[Problem]) -> None:
        self._folder = folder
        self._source = source
        self._problems = problems

    def cases(self) -> Iterator[Case]:
        whole = self._source.value
        for number, raw in enumerate(whole["cases"]):
            place: Place = ("cases", number)
            operation = raw.get("operation", whole.get("operation", ""))
            if not operation:
                hint = "write operation: service.name here or at the top"
                self._problems.append(self._source.problem(place, "of which operation is this a case?", hint))
                continue
            yield Case(
                name=raw["name"],
                operation=operation,
                version=whole.get("version", ""),
                file=self._source.file,
                line=self._source.line(place),
                request=self._document(raw["request"], (*place, "request")),
                sent=self._expected(raw, (*place, "sent")),
                answer=self._provided(raw, (*place, "answer")),
                reply=self._expected(raw, (*place, "reply")),
                error=raw.get("error", ""),
                keys={name: tuple(values) for name, values in raw.get("keys", {}).items()},
            )

    def _expected(self, raw: Mapping[str, Any], place: Place) -> Expected | None:
        written = raw.get(str(place[-1]))
        if written is None:
            return None
        return Expected(
            document=self._document(written, place),
            has_document=not written.keys().isdisjoint(("json", "xml", "file")),
            partly=written.get("partly", False),
            method=written.get("method", ""),
            path=written.get("path", ""),
        )

    def _provided(self, raw: Mapping[str, Any], place: Place) -> Provided | None:
        written = raw.get("answer")
        return None if written is None else Provided(self._document(written, place), written.get("status", 200))

    def _document(self, written: Mapping[str, Any], place: Place) -> Document:
        try:
            if "xml" in written:
                return xml.parse(written["xml"].strip().encode())
            if "file" in written:
                return self._from_file(written["file"])
        except (DocumentError, OSError) as error:
            key = "xml" if "xml" in written else "file"
            reason = error.strerror if isinstance(error, OSError) else error
            self._problems.append(self._source.problem((*place, key), f"cannot be read: {reason}"))
        return written.get("json")

    def _from_file(self, name: str) -> Document:
        text = charset.read((self._folder / name).read_bytes()).text_utf8
        return xml.parse(text) if text.lstrip()[:1] == b"<" else json_text.loads(text)
