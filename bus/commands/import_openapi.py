"""What an OpenAPI description offers, as a draft of a manifest and the lines of a report."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin, urlsplit

from bus.commands.import_files import Gathered
from bus.commands.import_manifest import Draft, Found, guess_effect, provider_url, service_name
from registry.catalogue import Catalogue
from registry.contracts.openapi import OpenApiContract, OpenApiOperation, read_openapi


def draft_openapi(gathered: Gathered, source: str, name: str, system: str) -> tuple[Draft, list[tuple[str, list[str]]]]:
    """The draft, and the report's paragraphs: a heading with its lines each. Raises ManifestInvalid."""
    contract = read_openapi(Catalogue(gathered.files), gathered.main)
    title = contract.title or gathered.main.rpartition(".")[0]
    server = contract.servers[0] if contract.servers else ""
    if urlsplit(source).scheme in ("http", "https"):
        server = urljoin(source, server or "/")  # OpenAPI 3.1.1 §4.8.5: relative to where the description lies
    url, remark = provider_url(server.rstrip("/"))
    draft = Draft(
        kind="openapi",
        source=source,
        name=name or service_name(title),
        title=title,
        file=gathered.main,
        protocol="rest",
        protocol_note="JSON over HTTP",
        charset="utf-8",
        url=url,
        url_note=remark,
        gate="reject",
        operations=tuple(_found(each) for each in contract.operations.values()),
        system=system,
        remarks=tuple(f"The provider wants: {each}; see auth below" for each in _security(contract)),
    )
    return draft, _report(contract, draft)


def _found(each: OpenApiOperation) -> Found:
    effect, why = each.effect, f"{each.method} {each.path}"
    if each.method == "POST" and guess_effect(each.name)[0] == "read":
        effect, why = "read", f"guess: {each.method}, and it is called {each.name}"
    return Found(each.name, each.summary, effect, why, each.notes)


def _report(contract: OpenApiContract, draft: Draft) -> list[tuple[str, list[str]]]:
    servers = [
        f"{'taken' if number == 0 else 'left '}  {server}"
        + ("; one is enough, add it under endpoints" if number else "")
        for number, server in enumerate(contract.servers)
    ]
    effects = {each.name: each for each in draft.operations}
    operations = [
        f"{each.name}  {effects[each.name].effect}{' (guess)' if effects[each.name].why.startswith('guess') else ''}"
        f"  {each.method} {each.path}{_fields(each)}"
        for each in contract.operations.values()
    ]
    notes = [f"{each.name}: {note}" for each in contract.operations.values() for note in each.notes]
    report = [
        ("servers", servers or ["none: the address is for you to write"]),
        ("security", list(_security(contract)) or ["none described"]),
        (f"operations ({len(operations)})", operations),
    ]
    if notes:
        report.append(("not checked", notes))
    if contract.left_out:
        report.append(("left out", [f"{where}: it {reason}" for where, reason in contract.left_out.items()]))
    return report


def _fields(each: OpenApiOperation) -> str:
    renamed = [
        f"{field.wire} in the {field.place} is {field.name}" for field in each.form.fields if field.name != field.wire
    ]
    if each.form.body:
        renamed.append(f"the body is {each.form.body}")
    return f"  ({'; '.join(renamed)})" if renamed else ""


def _security(contract: OpenApiContract) -> list[str]:
    told = []
    for name, raw in contract.security.items():
        scheme: Any = raw if isinstance(raw, dict) else {}
        kind = scheme.get("type", "unknown")
        detail = {"http": scheme.get("scheme", ""), "apiKey": f"{scheme.get('in', '')} {scheme.get('name', '')}"}
        told.append(f"{name}: {kind} {detail.get(kind, '')}".strip())
    return told
