"""What ``meridian get`` prints: registered objects and revisions as a table, YAML or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click
import yaml

from bus.commands.columns import fit, wide
from registry.catalogue import Catalogue
from registry.errors import RegistryError
from registry.findings import Findings
from registry.implied import with_implied
from registry.library import Library
from registry.manifest import Manifest, read_manifests
from registry.redact import redacted
from registry.store import RegistryStore

#: What can be listed: the kind of object behind each word. Revisions are read from the store itself.
KINDS: Mapping[str, str] = {
    "systems": "System",
    "services": "Service",
    "consumers": "Consumer",
    "tables": "CodeTable",
    "journeys": "Journey",
    "workflows": "Workflow",
}
WHAT = (*KINDS, "operations", "files", "revisions")
FORMATS = ("table", "yaml", "json")

Row = Mapping[str, Any]


class Listing:
    """Rows for a table, and the whole objects for YAML and JSON."""

    def __init__(self, rows: Sequence[Row], objects: Sequence[Any] | None = None) -> None:
        self.rows = rows
        self.objects = rows if objects is None else objects


def listing(store: RegistryStore, what: str, name: str) -> Listing:
    """List objects of one kind, or only the one of this name. Raises RegistryError when there is none."""
    found = _revisions(store) if what == "revisions" else _objects(store.current()[1], what)
    if not name:
        return found
    picked = [pair for pair in zip(found.rows, found.objects, strict=True) if _is(pair[0], name)]
    if not picked:
        known = ", ".join(str(next(iter(row.values()))) for row in found.rows[:12])
        raise RegistryError(f"no {what} {name!r}" + (f"; there are: {known}" if known else ""))
    return Listing([row for row, _ in picked], [whole for _, whole in picked])


def write(found: Listing, output: str) -> None:
    """Print a listing as a table, YAML documents or a JSON array."""
    if output == "json":
        click.echo(json.dumps(list(found.objects), ensure_ascii=False, indent=2))
    elif output == "yaml":
        click.echo(yaml.safe_dump_all(found.objects, allow_unicode=True, sort_keys=False, width=110), nl=False)
    else:
        for line in table(found.rows):
            click.echo(line)


def table(rows: Sequence[Row]) -> list[str]:
    """Rows as aligned lines under upper-case headings; Chinese characters count twice, as terminals draw them."""
    if not rows:
        return ["nothing is registered"]
    heads = list(rows[0])
    cells = [[head.upper() for head in heads], *([str(row[head]) for head in heads] for row in rows)]
    widths = [max(wide(line[column]) for line in cells) for column in range(len(heads))]
    return ["  ".join(fit(text, size) for text, size in zip(line, widths, strict=True)).rstrip() for line in cells]


def _is(row: Row, name: str) -> bool:
    return str(next(iter(row.values()))) == name


def _objects(catalogue: Catalogue, what: str) -> Listing:
    if what == "files":
        return Listing([{"name": name, "bytes": len(content)} for name, content in catalogue.files.items()])
    written, _ = read_manifests(catalogue)
    manifests = with_implied(written, Library(catalogue), Findings())
    if what == "operations":
        return Listing([row for each in manifests.names("Service").values() for row in _operations(each)])
    found = sorted(manifests.names(KINDS[what]).values(), key=lambda manifest: manifest.name)
    rows = [{**_COLUMNS[each.kind](each.value), "file": each.source.file} for each in found]
    return Listing(rows, [redacted(dict(written.names(each.kind)[each.name].value)) for each in found])


def _revisions(store: RegistryStore) -> Listing:
    active = store.active()
    return Listing(
        [
            {
                "revision": each.number,
                "active": "yes" if each.number == active else "",
                "at": datetime.fromtimestamp(each.at).astimezone().isoformat(timespec="seconds"),
                "author": each.author,
                "note": each.note,
            }
            for each in store.revisions()
        ]
    )


def _operations(manifest: Manifest) -> list[Row]:
    return [
        {
            "name": f"{manifest.name}.{operation['name']}",
            "version": version["version"],
            "effect": operation.get("effect", "read"),
            "to": operation.get("starts") or operation.get("raises") or version.get("provider", {}).get("protocol", ""),
            "title": _title(operation),
        }
        for version in manifest.value["versions"]
        for operation in version["operations"]
    ]


def _title(raw: Row) -> str:
    title = raw.get("title", {})
    return str(title.get("zh") or title.get("en") or "")


def _service(raw: Row) -> Row:
    versions = raw["versions"]
    return {
        "name": raw["name"],
        "system": raw["system"],
        "versions": ",".join(entry["version"] for entry in versions),
        "operations": len({operation["name"] for entry in versions for operation in entry["operations"]}),
        "provider": ",".join(sorted({entry["provider"]["protocol"] for entry in versions if "provider" in entry})),
        "title": _title(raw),
    }


def _consumer(raw: Row) -> Row:
    credentials = ",".join(sorted({entry["kind"] for entry in raw.get("credentials", ())}))
    grants = ",".join(grant["service"] for grant in raw.get("grants", ()))
    return {"name": raw["name"], "credentials": credentials, "grants": grants, "title": _title(raw)}


_COLUMNS: Mapping[str, Callable[[Row], Row]] = {
    "System": lambda raw: {"name": raw["name"], "owner": raw.get("owner", ""), "title": _title(raw)},
    "Service": _service,
    "Consumer": _consumer,
    "CodeTable": lambda raw: {"name": raw["name"], "columns": ",".join(raw["columns"]), "title": _title(raw)},
    "Journey": lambda raw: {"name": raw["name"], "key": raw["key"], "title": _title(raw)},
    "Workflow": lambda raw: {
        "name": raw["name"],
        "version": raw["version"],
        "steps": len(raw["steps"]),
        "title": _title(raw),
    },
}
