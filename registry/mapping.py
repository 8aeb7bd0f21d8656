"""The two mappings of an operation: the manifest's steps, completed by schema where they stop short."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.bench import Bench
from registry.bridges import Names
from registry.findings import Spot
from registry.inside import inside_of
from registry.model import Form, Provider
from registry.shapes import Conversions
from registry.step import Scope, Step
from registry.steps import compile_steps
from transformers.document import Transform

#: Steps that make or read the provider's outer document themselves.
_OUTWARD = frozenset({"wrap", "unwrap", "hip"})


@dataclass(frozen=True, slots=True)
class OperationMapping:
    """The contract's document ↔ the provider's.

    ``own`` are the conversions by a WSDL of the provider's own: then JSON stands between its messages and the
    contract's. ``names`` are the provider's names, where it has them alone; ``restore`` moves its replies back.
    """

    raw: Mapping[str, Any]
    form: Form
    bench: Bench
    namespaces: Mapping[str, str]
    provider: Provider | None
    by: Conversions
    spot: Spot
    own: Conversions | None = None
    names: Names | None = None
    restore: Transform | None = None

    def request(self) -> tuple[Transform, ...]:
        """The steps from the contract's request to the provider's."""
        steps = self._steps("request")
        wanted = self.form if self.encloses() else self._other_side()
        gives = steps[-1].gives if steps else self.form
        applied = tuple(step.apply for step in steps)
        if self._broken("request", steps):
            return applied
        if steps and steps[0].takes != self.form:
            self._complain("request", f"takes {steps[0].takes} first, but the contract speaks {self.form}")
        if wanted is None:
            return applied
        if self.own is not None and self.own.request is not None:
            return self._over_json(applied, gives)
        moved = (self.names.there(),) if self.names is not None else ()
        if gives == wanted:
            return (*applied, *moved)
        own = self.by.request
        if own is None:
            self._complain("request", f"gives {gives}, but {self._whom()} takes {wanted}")
            return ()
        return (*applied, own.to_xml if wanted == "xml" else own.to_json, *moved)

    def reply(self) -> tuple[Transform, ...]:
        """The steps from the provider's reply to the contract's."""
        steps = self._steps("reply")
        given = None if self._ends_here() else self.form if self.discloses() else self._other_side()
        applied = tuple(step.apply for step in steps)
        if steps and steps[-1].gives is None:
            return applied  # nothing is left to bring into the contract's form
        if given is None or self._broken("reply", steps):
            return applied
        before: tuple[Transform, ...] = (self.restore,) if self.restore is not None else ()
        if self.own is not None and self.own.reply is not None and not (steps and steps[0].takes == "xml"):
            before, given = (self.own.reply.to_json,), "json"
        gives = steps[-1].gives if steps else given
        own = self.by.reply
        if steps and steps[0].takes != given:
            self._complain("reply", f"takes {steps[0].takes} first, but {self._whom()} answers {given}")
        elif gives != self.form:
            if own is None:
                self._complain("reply", f"gives {gives}, but the contract speaks {self.form}")
                return ()
            return (*before, *applied, own.to_xml if self.form == "xml" else own.to_json)
        return (*before, *applied)

    def encloses(self) -> bool:
        """Whether the provider is sent the document inside another one, and no step does that already."""
        return self._held("request") and not _OUTWARD & set(*self.raw.get("request", ())[-1:])

    def discloses(self) -> bool:
        """Whether the provider's document stands inside another one, and no step takes it out."""
        return self._held("reply") and not _OUTWARD & set(*self.raw.get("reply", ())[:1])

    def _held(self, side: str) -> bool:
        if self.provider is None or self.provider.protocol == "rest" or self.own is not None or self.names is not None:
            return False
        return inside_of(self.raw, side) is not None

    def _over_json(self, applied: tuple[Transform, ...], gives: Form | None) -> tuple[Transform, ...]:
        """To the provider's own XML; steps that end in XML have written that already."""
        to_xml = self.own.request.to_xml if self.own is not None and self.own.request is not None else None
        if to_xml is None or (applied and gives == "xml"):
            return applied
        if gives == "json":
            return (*applied, to_xml)
        if self.by.request is None:
            self._complain("request", "cannot become JSON, which stands between the contract and the provider's own")
            return ()
        return (self.by.request.to_json, to_xml)

    def _steps(self, side: str) -> tuple[Step, ...]:
        own = self.by.request if side == "request" else self.by.reply
        scope = Scope(self.bench, self.namespaces, own, side)
        return compile_steps(self.raw.get(side, ()), scope, self.spot.at(side))

    def _broken(self, side: str, steps: tuple[Step, ...]) -> bool:
        """Whether a step did not compile: that has been reported, and the rest cannot be judged."""
        return len(steps) < len(self.raw.get(side, ()))

    def _ends_here(self) -> bool:
        return "starts" in self.raw or "raises" in self.raw

    def _other_side(self) -> Form | None:
        if self._ends_here():
            return "json"
        if self.provider is None:
            return None
        return "json" if self.provider.protocol == "rest" else "xml"

    def _whom(self) -> str:
        if self._ends_here():
            return "a workflow or an event"
        return f"the {self.provider.protocol} provider" if self.provider else "the provider"

    def _complain(self, side: str, message: str) -> None:
        hint = "add a to_xml or to_json step, or a schema to convert by"
        self.bench.findings.add([self.spot.at(side).problem(f"the {side} mapping {message}", hint)])
