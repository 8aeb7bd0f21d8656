"""Code tables: one system's codes to another's, with a bucket for those that nobody mapped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from lxml import etree

from transformers.document import Document, Element, Json
from transformers.errors import MappingFailed, TransformerInvalid
from transformers.json_path import compile_path
from transformers.xpath import compile_replace

#: Told of every code that a table does not know: the code itself.
Unmapped = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Mapped:
    """A translated code; ``known`` is false when the table's stand-in for unmapped codes was taken."""

    value: str
    known: bool


@dataclass(frozen=True, slots=True)
class CodeTable:
    """Codes side by side, a column for each system. Of several rows that share a code the first one counts.

    ``unmapped`` holds, per target column, what an unknown code becomes; without an entry it is refused.
    Raises TransformerInvalid for rows that do not fit the columns.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    unmapped: Mapping[str, str] = field(default_factory=dict)
    name: str = "code table"
    _index: Mapping[str, Mapping[str, tuple[str, ...]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.columns) < 2 or len(set(self.columns)) != len(self.columns):
            raise TransformerInvalid(f"{self.name}: a code table needs two or more columns of different names")
        for number, row in enumerate(self.rows, 1):
            if len(row) != len(self.columns):
                raise TransformerInvalid(
                    f"{self.name}: row {number} has {len(row)} codes for {len(self.columns)} columns", line=number
                )
        for column in self.unmapped:
            self._position(column)
        index: dict[str, dict[str, tuple[str, ...]]] = {}
        for position, column in enumerate(self.columns):
            index[column] = {row[position].strip(): row for row in reversed(self.rows)}
        object.__setattr__(self, "_index", index)

    def lookup(self, value: str, source: str, target: str) -> Mapped:
        """Translate a code from column ``source`` to column ``target``.

        Raises MappingFailed when the table knows neither the code nor a stand-in for it.
        """
        position = self._position(target)
        row = self._index[self.columns[self._position(source)]].get(value.strip())
        if row is not None:
            return Mapped(row[position], known=True)
        if target in self.unmapped:
            return Mapped(self.unmapped[target], known=False)
        raise MappingFailed(
            f"{self.name}: a code of column {source} has no row, and no stand-in is set for {target}", step=self.name
        )

    def _position(self, column: str) -> int:
        if column not in self.columns:
            raise TransformerInvalid(f"{self.name}: no column {column!r}; it has {', '.join(self.columns)}")
        return self.columns.index(column)


def compile_codes(
    table: CodeTable,
    source: str,
    target: str,
    at: str,
    *,
    namespaces: Mapping[str, str] | None = None,
    on_unmapped: Unmapped | None = None,
) -> Callable[[Document], Document]:
    """Compile a mapping step that translates the codes at a dotted JSON path (``.a.b[]``) or an XPath.

    The step answers a copy. Elements and attributes may both be found; absent, null and empty values stay.
    Raises TransformerInvalid for an unknown column or a path that does not compile.
    """
    for column in (source, target):
        table._position(column)

    def translate(code: str) -> str:
        mapped = table.lookup(code, source, target)
        if not mapped.known and on_unmapped is not None:
            on_unmapped(code)
        return mapped.value

    if at.startswith((".", "[")) and not at.startswith((".//", "./")):
        replace = compile_path(at)
        return lambda document: replace(_json(document), partial(_in_json, translate))
    replace_texts = compile_replace(at, namespaces)
    return lambda document: replace_texts(_xml(document), translate)


def _json(document: Document) -> Json:
    if isinstance(document, etree._Element):
        raise MappingFailed("a dotted path needs a JSON document; give an XPath for XML", step="codes")
    return document


def _xml(document: Document) -> Element:
    if not isinstance(document, etree._Element):
        raise MappingFailed("an XPath needs an XML document; give a dotted path for JSON", step="codes")
    return document


def _in_json(translate: Callable[[str], str], value: Json) -> Json:
    if isinstance(value, list):
        return [_in_json(translate, item) for item in value]
    if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
        return value
    return translate(str(value))
