"""jq expressions of a workflow, compiled once per definition and evaluated over an instance's data."""

from __future__ import annotations

from dataclasses import dataclass, field

from transformers.document import Json
from transformers.jq import JsonMap, compile_jq


@dataclass(frozen=True, slots=True)
class Expression:
    """One jq expression. An empty source gives null."""

    source: str
    _compiled: JsonMap | None = field(default=None, compare=False, repr=False)

    @classmethod
    def compile(cls, source: str) -> Expression:
        """Compile ``source``; raises TransformerInvalid."""
        return cls(source, compile_jq(source) if source else None)

    def evaluate(self, context: Json) -> Json:
        """Answer the first value for ``context``; raises MappingFailed."""
        return None if self._compiled is None else self._compiled(context)

    def holds(self, context: Json) -> bool:
        """Answer whether the value is neither false nor null, as jq's own ``if`` has it."""
        value = self.evaluate(context)
        return value is not None and value is not False
