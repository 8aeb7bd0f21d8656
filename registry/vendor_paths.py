"""Vendor paths: the URL paths that old callers know, kept so that only the host name changes for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class VendorPath:
    """A URL path under which a service's old callers know it; ``version`` is empty for the default one."""

    path: str
    service: str
    version: str = ""
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class VendorPaths:
    """Every vendor path of a snapshot; ``folded`` holds those whose case does not matter, in lower case."""

    exact: Mapping[str, VendorPath] = field(default_factory=dict)
    folded: Mapping[str, VendorPath] = field(default_factory=dict)

    def find(self, path: str) -> VendorPath | None:
        """What a decoded URL path means, or None where it is no vendor path."""
        found = self.exact.get(path)
        return found if found is not None or not self.folded else self.folded.get(path.lower())
