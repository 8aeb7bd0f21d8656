"""Code tables as manifests write them: rows inline or in a CSV file; unknown codes are counted."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from registry.catalogue import Catalogue
from registry.conformity import nearest
from registry.errors import ManifestInvalid, Problem
from registry.findings import Spot
from registry.manifest import Manifest
from registry.unmapped import Unmapped
from transformers.codes import CodeTable, Mapped
from transformers.errors import MappingFailed, TransformerInvalid


def read_rows(manifest: Manifest, catalogue: Catalogue) -> tuple[tuple[str, ...], ...]:
    """The rows of a CodeTable, each as wide as its columns.

    Raises ManifestInvalid for a CSV file that is missing or unreadable, and for rows of another width.
    """
    columns: Sequence[str] = manifest.value["columns"]
    problems: list[Problem] = []
    for column in manifest.value.get("unmapped", {}):
        if column not in columns:
            message = f"no column {column!r} in this table"
            problems.append(manifest.problem(("unmapped", column), message, nearest(column, columns)))
    if "csv" in manifest.value:
        rows = _read_csv(manifest, catalogue, columns, problems)
    else:
        rows = [tuple(row) for row in manifest.value["rows"]]
        for number, row in enumerate(rows):
            if len(row) != len(columns):
                message = f"{len(row)} codes in a table of {len(columns)} columns"
                problems.append(manifest.problem(("rows", number), message))
    if problems:
        raise ManifestInvalid(tuple(problems))
    return tuple(rows)


def _read_csv(
    manifest: Manifest, catalogue: Catalogue, columns: Sequence[str], problems: list[Problem]
) -> list[tuple[str, ...]]:
    spot = Spot(manifest, ("csv",))
    name = catalogue.resolve(manifest.value["csv"], spot.file)
    if name is None:
        hint = catalogue.nearest(manifest.value["csv"], spot.file)
        raise ManifestInvalid((*problems, spot.problem(f"no file {manifest.value['csv']}", hint)))
    try:
        reader = csv.reader(io.StringIO(catalogue.files[name].decode("utf-8-sig"), newline=""), strict=True)
        header, *rows = [(reader.line_num, row) for row in reader if any(row)] or [(1, [])]
    except UnicodeDecodeError as error:
        raise ManifestInvalid((*problems, Problem(name, 1, "not UTF-8"))) from error
    except csv.Error as error:
        raise ManifestInvalid((*problems, Problem(name, 1, f"not CSV: {error}"))) from error
    if header[1] != list(columns):
        hint = f"first line: {','.join(columns)}"
        problems.append(Problem(name, header[0], "the first line does not name the table's columns", hint))
    problems += [
        Problem(name, line, f"{len(row)} codes in a table of {len(columns)} columns")
        for line, row in rows
        if len(row) != len(columns)
    ]
    return [tuple(row) for _, row in rows]


class CountedTable(CodeTable):
    """A code table that counts every code it does not know, whether a stand-in was taken or the code refused."""

    __slots__ = ("_counter",)
    _counter: Unmapped

    def counting(self, counter: Unmapped) -> CountedTable:
        """The same table, counting into ``counter``."""
        object.__setattr__(self, "_counter", counter)
        return self

    def lookup(self, value: str, source: str, target: str) -> Mapped:
        """See ``CodeTable.lookup``."""
        try:
            mapped = super().lookup(value, source, target)
        except MappingFailed:
            self._counter.count(self.name, source, target, value)
            raise
        if not mapped.known:
            self._counter.count(self.name, source, target, value)
        return mapped


def compile_table(manifest: Manifest, catalogue: Catalogue, counter: Unmapped) -> CodeTable:
    """The code table that a manifest describes. Raises ManifestInvalid."""
    rows = read_rows(manifest, catalogue)
    value = manifest.value
    try:
        table = CountedTable(tuple(value["columns"]), rows, value.get("unmapped", {}), name=manifest.name)
    except TransformerInvalid as error:
        raise Spot(manifest).refuse(str(error)) from error
    return table.counting(counter)
