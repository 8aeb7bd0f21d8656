"""Small catalogues for tests: a laboratory with one operation, and ways to vary it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from registry.catalogue import Catalogue
from registry.compile import Compiled, compile_catalogue
from registry.errors import ManifestInvalid
from registry.model import Operation

ORDER_SCHEMA = b"""{"type": "object", "required": ["order_no"], "properties": {
  "order_no": {"type": "string"}, "sex": {"type": "string"},
  "items": {"type": "array", "items": {"type": "object", "properties": {"code": {"type": "string"}}}}}}"""

SYSTEM = """
kind: System
name: lis
"""


def service(operation: str, *, protocol: str = "rest", head: str = "", name: str = "lis") -> str:
    """A service manifest with one operation, whose YAML is given; ``head`` goes into its version."""
    return "\n".join(
        [
            "kind: Service",
            f"name: {name}",
            "system: lis",
            "versions:",
            '  - version: "1"',
            f"    provider: {{protocol: {protocol}, endpoints: [{{url: 'http://lis.example/api'}}]}}",
            textwrap.indent(textwrap.dedent(head).strip(), "    "),
            "    operations:",
            textwrap.indent(textwrap.dedent(operation).strip(), "      "),
            "",
        ]
    )


def catalogue(*manifests: str, files: Mapping[str, bytes] | None = None) -> Catalogue:
    """A catalogue whose only manifest file, ``m.yaml``, holds these documents."""
    text = "---\n".join(textwrap.dedent(each).lstrip("\n") for each in manifests)
    return Catalogue({"m.yaml": text.encode(), "order.json": ORDER_SCHEMA, **(files or {})})


def compiled(*manifests: str, files: Mapping[str, bytes] | None = None, **environ: str) -> Compiled:
    """The compiled catalogue of these documents."""
    return compile_catalogue(catalogue(*manifests, files=files), environ)


def operation_of(
    operation: str, *, files: Mapping[str, bytes] | None = None, protocol: str = "rest", head: str = ""
) -> Operation:
    """The one operation of a service, compiled."""
    made = compiled(SYSTEM, service(operation, protocol=protocol, head=head), files=files)
    return next(iter(made.snapshot.services["lis"].versions["1"].operations.values()))


def problems(*manifests: str, files: Mapping[str, bytes] | None = None, **environ: str) -> list[str]:
    """What is wrong with these documents, as it is printed; empty when nothing is."""
    try:
        compiled(*manifests, files=files, **environ)
    except ManifestInvalid as error:
        return [str(problem) for problem in error.problems]
    return []
