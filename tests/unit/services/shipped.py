"""The shipped catalogue, compiled once for the tests of its mappings."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from lxml import etree

import services
from registry.compile import compile_catalogue
from registry.model import Operation, Snapshot
from registry.source import read_folder
from services.demo.environment import make_secrets
from transformers.document import Document, Transform

CATALOGUE = Path(services.__file__).parent


@cache
def snapshot() -> Snapshot:
    return compile_catalogue(read_folder(CATALOGUE), make_secrets()).snapshot


def operation(name: str) -> Operation:
    service, _, operation_name = name.partition(".")
    found = snapshot().services[service]
    return found.versions[found.default].operations[operation_name]


def mapped(steps: Iterable[Transform], document: Document) -> Document:
    for step in steps:
        document = step(document)
    return document


def xml(text: str) -> etree._Element:
    return etree.fromstring(text)


def shown(document: Document) -> str:
    assert isinstance(document, etree._Element)
    return etree.tostring(document, encoding="unicode")
