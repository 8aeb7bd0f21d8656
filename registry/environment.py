"""``${NAME}`` and ``${NAME:-default}`` in addresses and secrets, filled in when a snapshot is compiled."""

from __future__ import annotations

import re
from collections.abc import Mapping

from registry.findings import Spot

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def resolve(text: str, environ: Mapping[str, str], spot: Spot) -> str:
    """``text`` with its variables filled in; an empty variable counts as missing, as in a shell's ``:-``.

    Raises ManifestInvalid naming every variable that is missing and has no default.
    """
    missing = sorted({name for name, default in _split(text) if default is None and not environ.get(name)})
    if missing:
        names = ", ".join(missing)
        raise spot.refuse(f"needs the environment variable {names}", "set it where the bus runs")
    return _VARIABLE.sub(lambda match: environ.get(match[1]) or match[2] or "", text)


def holds_variable(text: str) -> bool:
    """Whether ``text`` takes something from the environment."""
    return _VARIABLE.search(text) is not None


def _split(text: str) -> list[tuple[str, str | None]]:
    return [(match[1], match[2]) for match in _VARIABLE.finditer(text)]
