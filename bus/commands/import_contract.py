"""``meridian import``: a contract that somebody else wrote becomes a catalogue folder that ``apply`` takes as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

import click

from bus.commands.import_files import Gathered, gather_json, gather_xml
from bus.commands.import_manifest import MANIFEST, Draft, settle
from bus.commands.import_openapi import draft_openapi
from bus.commands.import_sources import ImportRefused, Sources
from bus.commands.import_wsdl import draft_wsdl
from bus.commands.problems import problems_printed

Paragraphs: TypeAlias = list[tuple[str, list[str]]]
Drafter: TypeAlias = Callable[[Gathered, str, str, str], tuple[Draft, Paragraphs]]

_KINDS: Mapping[str, tuple[Callable[[Sources], Gathered], Drafter, str]] = {
    "wsdl": (gather_xml, draft_wsdl, "WSDL 1.1"),
    "openapi": (gather_json, draft_openapi, "OpenAPI 3"),
}


@click.command("import")
@click.argument("kind", type=click.Choice(tuple(_KINDS)))
@click.argument("source", metavar="URL_OR_FILE")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder to write; default: ./<name>.")
@click.option("--name", default="", help="Name of the service; default: made of the contract's title.")
@click.option("--system", default="", help="A system that exists already; default: a new one of the service's name.")
@click.option(
    "--root", type=click.Path(path_type=Path), help="Folder that imports may lie in; default: the file's own."
)
@click.option("--allow-host", multiple=True, help="Another host that imports may be fetched from.")
@click.option("--timeout", default=20.0, show_default=True, help="Seconds for each document.")
@click.option("--force", is_flag=True, help="Write over a manifest that is there already.")
def import_command(
    kind: str,
    source: str,
    output: Path | None,
    name: str,
    system: str,
    root: Path | None,
    allow_host: tuple[str, ...],
    timeout: float,
    force: bool,
) -> None:
    """Write a catalogue folder for a service from its WSDL or OpenAPI description, and tell what was found and chosen.

    This is the one command that reads contracts from the network, and only from where you point it.
    """
    gather, drafter, title = _KINDS[kind]
    with problems_printed("nothing was written"):
        gathered = gather(Sources(source, root, allow_host, timeout))
        for missing in gathered.missing:
            click.echo(f"not read: {missing}", err=True)
        draft, paragraphs = drafter(gathered, source, name, system)
        draft, text, warnings, given_up = settle(draft, gathered.files)
    folder = output or Path(draft.name)
    if (folder / MANIFEST).exists() and not force:
        raise ImportRefused(f"{folder / MANIFEST} is there already; give another folder with -o, or --force")
    _write(folder, text, gathered)
    size = sum(map(len, gathered.files.values()))
    click.echo(f"{draft.title}: {title} from {source}\n")
    _paragraph("read", [f"{len(gathered.files)} files, {max(1, size // 1024)} KiB: {', '.join(gathered.files)}"])
    for heading, lines in paragraphs:
        _paragraph(heading, lines)
    _paragraph("given up", given_up)
    _paragraph("warnings", [each.message for each in warnings if "is left out" not in each.message])
    _paragraph("wrote", [str(folder / MANIFEST), *(str(folder / "contracts" / each) for each in gathered.files)])
    _paragraph("next", list(_next(folder, draft)))


def _next(folder: Path, draft: Draft) -> list[str]:
    first = draft.operations[0].name
    made = [
        f"read {folder / MANIFEST}; what is marked guess is for you to decide",
        f"meridian apply -f {folder} --dry-run",
        f"meridian call {draft.name}.{first}    # once it is applied and a consumer has a grant",
    ]
    if draft.system:
        made.insert(1, f"move the folder into the catalogue that has the system {draft.system}")
    return made


def _paragraph(heading: str, lines: list[str]) -> None:
    if lines:
        click.echo(heading)
        for line in lines:
            click.echo(f"  {line}")


def _write(folder: Path, text: str, gathered: Gathered) -> None:
    try:
        for name, content in gathered.files.items():
            path = folder / "contracts" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (folder / MANIFEST).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ImportRefused(f"{folder} cannot be written: {error.strerror}") from error
