"""The files of a contract, laid beside each other so that the catalogue finds what they import."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from bus.commands.import_sources import ImportRefused, Sources
from registry.contracts.bundle import references
from registry.contracts.documents import KNOWN, LIMITS, locations
from registry.contracts.openapi_document import read_json_or_yaml
from registry.errors import ManifestInvalid
from transformers import charset, xml
from transformers.errors import DocumentError


@dataclass(slots=True)
class Gathered:
    """Files by name, the main one first, and ``missing``: what could not be brought along, and why."""

    main: str
    files: dict[str, bytes] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    charset: str = "utf-8"


def gather_xml(sources: Sources) -> Gathered:
    """A WSDL and everything it imports; imports are pointed at the file names here where they were addresses.

    Raises ImportRefused when the WSDL itself cannot be read or is no XML.
    """
    names: dict[str, str] = {}
    gathered = Gathered(_name(sources.main, "wsdl", names))
    waiting = [sources.main]
    while waiting:
        address = waiting.pop(0)
        name = names[address]
        try:
            content = sources.read(address)
            decoded = charset.read(content)
            root = xml.parse(decoded.text_utf8, LIMITS)
        except (ImportRefused, DocumentError) as error:
            told = str(error) if isinstance(error, ImportRefused) else f"{address}: {error}"
            if address == sources.main:
                raise ImportRefused(told) from error
            gathered.missing.append(told)
            continue
        if address == sources.main:
            gathered.charset = decoded.charset
        changed = decoded.charset != "utf-8"
        for element, attribute, location in locations(root):
            if element.get("namespace", "") in KNOWN:
                continue  # the bus has its own copy
            target = sources.address(location, address)
            if target not in names:
                suffix = "wsdl" if attribute == "location" else "xsd"
                _name(target, suffix, names)
                waiting.append(target)
            if names[target] != location:
                element.set(attribute, names[target])
                changed = True
        gathered.files[name] = xml.serialise(root, declaration=True) if changed else content
    return gathered


def gather_json(sources: Sources) -> Gathered:
    """An OpenAPI description and the files it refers to, in the folders in which they lay.

    Raises ImportRefused when the description itself cannot be read.
    """
    suffix = "json" if sources.main.endswith("json") else "yaml"
    gathered = Gathered(_name(sources.main, suffix, {}))
    waiting = [(gathered.main, sources.main)]
    known = {gathered.main}
    while waiting:
        name, address = waiting.pop(0)
        try:
            gathered.files[name] = sources.read(address)
            document = read_json_or_yaml(name, gathered.files[name])
        except (ImportRefused, ManifestInvalid) as error:
            if address == sources.main:
                raise ImportRefused(str(error)) from error
            gathered.missing.append(str(error))
            gathered.files.pop(name, None)
            continue
        for reference in _files(references(document)):
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), reference))
            if urlsplit(reference).scheme or target.startswith(("..", "/")):
                gathered.missing.append(f"{name} refers to {reference}, which lies elsewhere; put it beside {name}")
            elif target not in known:
                known.add(target)
                waiting.append((target, sources.address(reference, address)))
    return gathered


def _files(found: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(unquote(each.partition("#")[0]) for each in found if not each.startswith("#")))


def _name(address: str, suffix: str, names: dict[str, str]) -> str:
    """A file name for an address, remembered in ``names``: its last word, with the suffix of its kind."""
    parts = urlsplit(address)
    word = parts.query.partition("=")[2].rpartition("/")[2] or parts.path.rstrip("/").rpartition("/")[2]
    base = re.sub(r"[^\w.-]+", "_", unquote(word)).strip("._") or "contract"
    stem, dot, ending = base.rpartition(".")
    known = ending.lower() in ("wsdl", "xsd", "yaml", "yml", "json")
    stem = stem if dot and (known or ending.lower() in ("asmx", "svc", "php")) else base
    ending = ending if dot and known else suffix
    name, number = f"{stem}.{ending}", 1
    while name in names.values():
        number += 1
        name = f"{stem}-{number}.{ending}"
    names[address] = name
    return name
