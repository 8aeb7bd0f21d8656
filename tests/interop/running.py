"""A foreign server that runs: where it listens, and its contract as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Running:
    """``contract`` holds ``lab.wsdl`` and the schemas beside it."""

    url: str
    contract: Mapping[str, bytes] = field(repr=False)
