"""The manifest of an imported service, written for a person to read, and proven by compiling it."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from registry.catalogue import Catalogue
from registry.compile import compile_catalogue
from registry.errors import ManifestInvalid, Problem

_PLAIN = re.compile(r"[A-Za-z_][\w .,;/()-]*")
_READING = re.compile(
    r"(?:get|query|find|list|search|read|fetch|load|select|count|check|is|has|exists|view|show|lookup|inquire|describe"
    r"|retrieve|validate|ping|查询|获取)(?![a-z])",
    re.IGNORECASE,
)
MANIFEST = "manifest.yaml"


@dataclass(frozen=True, slots=True)
class Found:
    """One operation to write. ``notes`` are what a reader should know of it; ``checked`` says whether it has checks."""

    name: str
    title: str
    effect: str
    why: str
    notes: tuple[str, ...] = ()
    checked: bool = True


@dataclass(frozen=True, slots=True)
class Draft:
    """All that goes into a manifest. ``kind`` is wsdl or openapi, ``gate`` what a bad request meets at first."""

    kind: str
    source: str
    name: str
    title: str
    file: str
    protocol: str
    protocol_note: str
    charset: str
    url: str
    url_note: str
    gate: str
    operations: tuple[Found, ...]
    system: str = ""
    remarks: tuple[str, ...] = field(default=())


def guess_effect(name: str) -> tuple[str, str]:
    """``read`` or ``write`` by the verb that a name begins with, and why. What says nothing is a write."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    found = _READING.match(words)
    return ("read", f"guess: it is called {found[0]}…") if found else ("write", "guess: its name does not say read")


def service_name(text: str) -> str:
    """A name for a service and its system, made of any text."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text)
    return re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:63].strip("-") or "service"


def provider_url(text: str) -> tuple[str, str]:
    """The address to call and a remark where it is not the one that the contract gives."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "http://provider.invalid", "the contract names no address that can be called; write the real one"
    plain = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return plain, "" if plain == text else "without the password, query or fragment that the contract's address has"


def settle(draft: Draft, files: dict[str, bytes]) -> tuple[Draft, str, tuple[Problem, ...], list[str]]:
    """The draft in a form that compiles, its text, the compiler's warnings, and what had to be given up for it.

    An operation with a problem loses first its checks, then its place. Raises ManifestInvalid for any other problem.
    """
    given_up: list[str] = []
    while True:
        text, lines = write(draft)
        contracts = {f"contracts/{name}": each for name, each in files.items()}
        known = {"system.yaml": f"kind: System\nname: {draft.system}\n".encode()} if draft.system else {}
        catalogue = Catalogue({MANIFEST: text.encode(), **known, **contracts})
        try:
            compiled = compile_catalogue(catalogue, os.environ, require_environment=False)
            return draft, text, compiled.warnings, given_up
        except ManifestInvalid as error:
            draft = _without(draft, lines, error, given_up)


def write(draft: Draft) -> tuple[str, dict[str, range]]:
    """The manifest, and the lines on which each operation stands."""
    variable = f"{draft.name.upper().replace('-', '_')}_URL"
    remarks = [f"# {remark}" for remark in draft.remarks]
    head = [
        f"# Imported from {_one_line(draft.source)}",
        "# Lines marked 'guess' want a look. Then: meridian apply -f . --dry-run",
        *remarks,
    ]
    if not draft.system:
        head += ["kind: System", f"name: {draft.name}", f"title: {{en: {_text(draft.title)}}}", "---"]
    head += [
        "kind: Service",
        f"name: {draft.name}",
        f"system: {draft.system or draft.name}",
        f"title: {{en: {_text(draft.title)}}}",
        "faces: [soap11, soap12, rest]    # what callers may speak",
        "versions:",
        '  - version: "1"',
        f"    contract: {{{draft.kind}: {_text(f'contracts/{draft.file}')}}}",
        "    provider:",
        f"      protocol: {draft.protocol}    # {draft.protocol_note}",
    ]
    if draft.protocol != "rest":
        head.append(
            f"      charset: {draft.charset}    # guess: what the WSDL is written in; legacy systems may want gb18030"
        )
    head += [
        f'      # auth: {{kind: basic, username: meridian, secret: "${{{variable.replace("_URL", "_PASSWORD")}}}"}}',
        *([f"      # {draft.url_note}"] if draft.url_note else []),
        f"      endpoints: [{{url: {_text(f'${{{variable}:-{draft.url}}}')}}}]",
        "    policy: {timeout: 10, retries: 0}    # seconds; retries only where the provider bears repetition",
        "    operations:",
    ]
    lines: dict[str, range] = {}
    for each in draft.operations:
        first = len(head) + 1
        head += _operation(each, draft)
        lines[each.name] = range(first, len(head) + 1)
    head += [
        "# Nobody may call before a consumer has a grant:",
        "# ---",
        "# kind: Consumer",
        "# name: ward",
        '# credentials: [{kind: api-key, secret: "${WARD_KEY}"}]',
        f'# grants: [{{service: {draft.name}, operations: ["*"]}}]',
    ]
    return "\n".join(head) + "\n", lines


def _operation(each: Found, draft: Draft) -> list[str]:
    made = [f"      - name: {_text(each.name)}"]
    if each.title:
        made.append(f"        title: {{en: {_text(each.title)}}}")
    made.append(f"        effect: {each.effect}    # {each.why}")
    made += [f"        # {_one_line(note)}" for note in each.notes]
    if each.checked:
        request, reply = (f"{{{draft.kind}: true, gate: {gate}}}" for gate in (draft.gate, "warn"))
        made.append(f"        checks: {{request: {request}, reply: {reply}}}")
    return made


def _without(draft: Draft, lines: dict[str, range], error: ManifestInvalid, given_up: list[str]) -> Draft:
    troubled = {
        each.name: problem
        for problem in error.problems
        for each in draft.operations
        if problem.file == MANIFEST and problem.line in lines[each.name]
    }
    if not troubled:
        raise error
    kept = []
    for each in draft.operations:
        problem = troubled.get(each.name)
        if problem is None:
            kept.append(each)
        elif each.checked:
            given_up.append(f"{each.name}: no checks, since {problem.message}")
            kept.append(replace(each, checked=False, notes=(*each.notes, f"no checks: {problem.message}")))
        else:
            given_up[:] = [line for line in given_up if not line.startswith(f"{each.name}:")]
            given_up.append(f"{each.name} is left out: {problem.message}")
    if not kept:
        raise error
    return replace(draft, operations=tuple(kept))


def _text(text: str) -> str:
    """A text as a YAML scalar: plain where it is plainly a word, else quoted as JSON, which YAML reads."""
    return text if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED else json.dumps(text, ensure_ascii=False)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]


_RESERVED = frozenset({"yes", "no", "on", "off", "true", "false", "null", "y", "n"})
