"""``${NAME}`` and ``${NAME:-default}`` in addresses and secrets, filled in when a snapshot is compiled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from registry.errors import ManifestInvalid
from registry.findings import Findings, Spot

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Environment:
    """The variables that manifests may name. Where they are not ``required``, a missing one is only warned of.

    Manifests are checked on desks that do not hold the hospital's secrets.
    """

    values: Mapping[str, str]
    findings: Findings
    required: bool = True

    def resolve(self, text: str, spot: Spot) -> str:
        """``text`` with its variables filled in; an empty variable counts as missing, as in a shell's ``:-``.

        Raises ManifestInvalid naming every variable that is missing and has no default.
        """
        found = _VARIABLE.finditer(text)
        missing = sorted({match[1] for match in found if match[2] is None and not self.values.get(match[1])})
        if missing:
            problem = spot.problem(f"needs the environment variable {', '.join(missing)}", "set it where the bus runs")
            if self.required:
                raise ManifestInvalid((problem,))
            self.findings.warn(problem)
            raise ManifestInvalid(())  # what needs it is left out, and nobody is told twice
        return _VARIABLE.sub(lambda match: self.values.get(match[1]) or match[2] or "", text)


def holds_variable(text: str) -> bool:
    """Whether ``text`` takes something from the environment."""
    return _VARIABLE.search(text) is not None
