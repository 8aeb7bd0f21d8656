"""One operation as its callers need it: where it is, what it takes and gives, and programs that call it."""

from __future__ import annotations

from typing import Any

from bus.client.snippets import LANGUAGES, Face, faces, snippet
from bus.console.words import Language, title_of
from registry.contracts.json_schemas import reply_schema, request_schema
from registry.model import Operation, ServiceVersion, Snapshot
from registry.samples import sample
from transformers.errors import MeridianError
from transformers.json_text import pretty

#: What each language is called in either language of the console.
TITLES = {"curl": "curl", "python": "Python", "php": "PHP", "java": "Java", "csharp": "C#"}


def operation(
    snapshot: Snapshot, service: str, number: str, name: str, *, base: str, language: Language
) -> dict[str, Any] | None:
    """The page of one operation, or None where there is none; ``base`` is the address that callers use."""
    found = snapshot.services.get(service)
    version = found.versions.get(number) if found else None
    one = version.operations.get(name) if version else None
    if version is None or one is None:
        return None
    wanted = request_schema(one)
    return {
        "service": service,
        "version": number,
        "name": name,
        "title": title_of(one.title, language, ""),
        "effect": one.effect,
        "mode": one.mode,
        "policy": one.policy,
        "faces": sorted(version.faces),
        "rest": f"{one.http_method} /rest/{service}/v/{number}{one.http_path}",
        "soap": f"/soap/{service}/{number}",
        "element": one.element,
        "action": one.action,
        "callers": sorted(each.name for each in snapshot.consumers.values() if each.may_call(service, name)),
        "request": pretty(wanted),
        "reply": pretty(reply_schema(one)),
        "sample": pretty(sample(wanted)),
        "snippets": [
            {"language": TITLES[each], "face": face, "text": text}
            for face in faces(version)
            for each in LANGUAGES
            if (text := _snippet(version, one, each, base, face))
        ],
    }


def _snippet(version: ServiceVersion, one: Operation, language: Any, base: str, face: Face) -> str:
    """The program, or nothing where no schema says how to write the document in this face."""
    try:
        return snippet(version, one, language, base=base, face=face)
    except MeridianError:
        return ""
