"""What the pages say is what the program does: each table of the documentation against its table in the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import click
import pytest
import yaml
from errors_page import render
from markdown import ROOT, Page, page, pages

from bus.cli import meridian
from bus.pipeline import HOPS
from bus.settings import Settings
from registry.steps import FACTORIES

#: Ways to write a default that a table may prefer to the plain value.
SPOKEN = {
    "data": "`data`",
    "catalogue": "the shipped hospital",
    "tls_certificate": "plain HTTP",
    "tls_key": "none",
    "listeners": "none",
    "public_url": "`http://host:port`",
    "broker_ca": "the system's authorities",
    "broker_certificate": "none",
    "broker_key": "none",
    "broker_server_name": "the host in `broker`",
    "broker_management": "none",
    "database": "SQLite in `data`",
    "max_body": "4 MiB",
    "max_reply": "32 MiB",
    "max_attachments": "256 MiB",
}
MEBIBYTE = 1024 * 1024


def _settings_table() -> dict[str, str]:
    """Every setting with what the page says of its default; a row may hold several, separated by commas."""
    rows = re.findall(r"^\| (`[^|]+`) \| ([^|]+) \| [^|]+ \|$", page("docs/operations.md").prose, re.MULTILINE)
    table: dict[str, str] = {}
    for names, defaults in rows:
        each = re.findall(r"`(\w+)`", names)
        values = [defaults] if len(each) == 1 else defaults.split(", ")
        table |= dict(zip(each, (value.strip() for value in values), strict=True))
    return table


def test_the_table_of_settings_holds_exactly_the_settings_there_are() -> None:
    assert sorted(_settings_table()) == sorted(field.name for field in fields(Settings))


@pytest.mark.parametrize("field", fields(Settings), ids=lambda field: field.name)
def test_the_default_that_the_page_gives_is_the_default_of_the_setting(field: Any) -> None:
    said, default = _settings_table()[field.name], getattr(Settings(), field.name)
    if field.name in ("max_body", "max_reply", "max_attachments", "min_free_disk"):
        assert said == f"{default // MEBIBYTE} MiB"
    elif default in (None, "", ()):
        assert said == SPOKEN[field.name]
    else:
        assert said.strip("`") == (f"{default:g}" if isinstance(default, float) else str(default))


def test_the_page_of_errors_is_what_the_table_of_errors_says() -> None:
    written = page("docs/errors.md").text
    assert written == render(), "write it anew with: python -m tests.docs.errors_page"


def test_the_picture_of_the_bus_shows_every_hop_in_its_order() -> None:
    shown = re.findall(r"<text [^>]*>([^<]+)</text>", (ROOT / "docs/flow.svg").read_text(encoding="utf-8"))
    names = [hop.__name__ for hop in HOPS]
    assert [word for word in shown if word in names] == names


def _verbs(group: click.Group, path: str = "meridian") -> Iterator[str]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _verbs(command, f"{path} {name}")
        else:
            yield f"{path} {name}"


@pytest.mark.parametrize("verb", sorted(_verbs(meridian)))
def test_every_verb_of_the_command_line_is_on_the_page_of_operations(verb: str) -> None:
    assert re.search(rf"\b{verb}\b", page("docs/operations.md").text)


@pytest.mark.parametrize("each", pages(), ids=lambda each: each.name)
def test_every_verb_that_a_page_names_can_be_run(each: Page) -> None:
    known = set(_verbs(meridian)) | {f"meridian {name}" for name in meridian.list_commands(click.Context(meridian))}
    named = {
        name for example in each.examples("sh") for name in re.findall(r"^meridian [a-z-]+", example, re.MULTILINE)
    }
    assert named <= known


def test_the_table_of_mapping_steps_holds_exactly_the_steps_there_are() -> None:
    cells = page("docs/manifests.md").first_cells("Mapping steps")
    assert {kind for cell in cells for kind in re.findall(r"`\{(\w+):", cell)} == set(FACTORIES)


def _schema(name: str) -> Any:
    return yaml.safe_load((ROOT / "registry/schemas" / name).read_text(encoding="utf-8"))


def test_the_table_of_workflow_steps_holds_exactly_the_kinds_and_fields_there_are() -> None:
    text = page("docs/workflows.md").prose
    rows = re.findall(r"^\| `(\w+):.*?` \|(.*)\|[^|]+\|$", text, re.MULTILINE)
    every = re.findall(r"`(\w+)`", re.findall(r"^Every step may have .*$", text, re.MULTILINE)[0])
    told = {kind for kind, _ in rows} | {field for _, cell in rows for field in re.findall(r"`(\w+)", cell)}
    assert len(rows) == len(page("docs/workflows.md").first_cells("Steps"))
    assert told | set(every) == set(_schema("workflow.json")["$defs"]["step"]["properties"])


def test_the_table_of_operations_holds_exactly_the_fields_there_are() -> None:
    version = _schema("service.json")["properties"]["versions"]["items"]["properties"]
    properties = set(version["operations"]["items"]["properties"])
    cells = page("docs/manifests.md").first_cells("Operations")
    assert {name for cell in cells for name in re.findall(r"`(\w+)`", cell)} == properties - {"name", "title"}


@pytest.mark.parametrize("each", pages(), ids=lambda each: each.name)
def test_every_relative_link_leads_to_a_file_or_a_heading(each: Page) -> None:
    broken = []
    for target in each.links():
        path, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", path):
            continue
        found = (each.path.parent / path).resolve() if path else each.path
        if not found.exists() or (anchor and anchor not in Page(found).anchors()):
            broken.append(target)
    assert broken == []


def test_the_readme_has_the_same_structure_and_links_in_both_languages() -> None:
    english, chinese = page("README.md"), page("README.zh-CN.md")
    assert chinese.headings() == english.headings()
    swapped = [{"README.md": "README.zh-CN.md"}.get(link, link) for link in chinese.links()]
    assert swapped == english.links()
    assert next(chinese.examples("sh")).count("make") == next(english.examples("sh")).count("make")


@pytest.mark.parametrize("each", pages(), ids=lambda each: each.name)
def test_every_yaml_example_can_be_read(each: Page) -> None:
    for example in each.examples("yaml"):
        assert all(document is not None for document in yaml.safe_load_all(example.replace("\n        ...\n", "\n")))


def test_every_make_target_that_a_page_names_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for each in pages() for name in re.findall(r"(?:`|^)make ([a-z]+)", each.text, re.MULTILINE)}
    assert named <= targets
