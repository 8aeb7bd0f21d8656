"""What the compilation of one catalogue shares: its files, its code tables, the environment and the findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.environment import Environment
from registry.findings import Findings
from registry.library import Library
from registry.manifest import Manifests
from registry.unmapped import Unmapped
from transformers.codes import CodeTable


@dataclass(frozen=True, slots=True)
class Bench:
    """Handed to everything that compiles a part of a snapshot."""

    manifests: Manifests
    library: Library
    environ: Environment
    findings: Findings
    unmapped: Unmapped
    tables: Mapping[str, CodeTable] = field(default_factory=dict)
