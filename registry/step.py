"""One mapping step, compiled, and what it may use while it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from registry.bench import Bench
from registry.findings import Spot
from registry.model import Form
from registry.shapes import Conversion
from transformers.document import Transform


@dataclass(frozen=True, slots=True)
class Step:
    """A compiled step and the forms it turns into each other; None for any, and for nothing left."""

    takes: Form | None
    gives: Form | None
    apply: Transform


@dataclass(frozen=True, slots=True)
class Scope:
    """What a step may use. ``own`` is the operation's own conversion, which ``to_json: true`` means.

    ``side`` is the mapping it stands in: request or reply.
    """

    bench: Bench
    namespaces: Mapping[str, str]
    own: Conversion | None
    side: str = "request"


#: Makes a step from what stands behind its key. Raises ManifestInvalid.
Factory: TypeAlias = Callable[[Any, Scope, Spot], Step]
