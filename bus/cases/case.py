"""A saved case as a frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from transformers.document import Document


@dataclass(frozen=True, slots=True)
class Expected:
    """What must come out. ``partly``: objects may hold more than is written here.

    ``method`` and ``path`` are of the request to a REST provider, empty where they do not matter.
    ``has_document`` tells no document from the JSON document null.
    """

    document: Document = None
    has_document: bool = False
    partly: bool = False
    method: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Provided:
    """What the provider is made to answer; no document is an empty body."""

    document: Document = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class Case:
    """One saved case of ``service.operation``: a request, and any of what is expected of it.

    ``sent`` is the request as the provider gets it, ``reply`` the caller's answer, ``error`` the code of the error
    that it gets instead, ``keys`` the business keys that the journal must find.
    """

    name: str
    operation: str
    version: str
    file: str
    line: int
    request: Document
    sent: Expected | None = None
    answer: Provided | None = None
    reply: Expected | None = None
    error: str = ""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
