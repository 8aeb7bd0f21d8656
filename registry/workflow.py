"""Reads workflow definitions: every problem at once, each with its path, before a definition enters a snapshot."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from registry.workflow_link import content_hash, link, to_raw
from registry.workflow_model import (
    PATIENT,
    CallStep,
    ChooseStep,
    FailStep,
    LinkedWorkflow,
    Option,
    ParallelStep,
    Path,
    Retry,
    RunStep,
    SetStep,
    Step,
    Undo,
    Unknown,
    WaitStep,
    WorkflowDefinition,
    WorkflowInvalid,
    children,
    located,
    walk,
)
from registry.workflow_values import Raw, Values

__all__ = [
    "CallStep",
    "ChooseStep",
    "FailStep",
    "LinkedWorkflow",
    "Option",
    "ParallelStep",
    "Retry",
    "RunStep",
    "SetStep",
    "Step",
    "Undo",
    "Unknown",
    "WaitStep",
    "WorkflowDefinition",
    "WorkflowInvalid",
    "children",
    "content_hash",
    "link",
    "load_linked",
    "parse_workflow",
    "to_raw",
    "walk",
]

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_STEP_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}(/[a-z0-9][a-z0-9-]{0,62})*")
_VARIABLE = re.compile(r"[a-z][a-z0-9_]{0,62}")
_OPERATION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\.[^\W\d][\w-]{0,99}")
_REASON = re.compile(r"(?s).*\S.*")
_EVENT = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")


def parse_workflow(raw: Raw) -> WorkflowDefinition:
    """Read one definition as written in a manifest (``kind`` may be present). Raises WorkflowInvalid."""
    return _Parser(linked=False).definition(raw)


def load_linked(raw: Raw) -> LinkedWorkflow:
    """Read a linked definition back from its own JSON (``LinkedWorkflow.raw``). Raises WorkflowInvalid."""
    definition = _Parser(linked=True).definition(raw)
    again = to_raw(definition)
    return LinkedWorkflow(definition, again, content_hash(again))


class _Parser(Values):
    """Reads one definition and gathers what is wrong with it."""

    def __init__(self, *, linked: bool) -> None:
        super().__init__()
        self._linked = linked
        self._names: set[str] = set()
        self._readers: dict[str, tuple[Callable[[Raw, dict[str, Any], Path], Step], frozenset[str]]] = {
            "call": (self._call, frozenset({"with", "save", "retry", "deadline", "undo", "unknown"})),
            "wait": (self._wait, frozenset({"match", "save", "deadline", "late"})),
            "set": (self._set, frozenset()),
            "fail": (self._fail, frozenset()),
            "parallel": (self._parallel, frozenset()),
            "choose": (self._choose, frozenset()),
            "run": (self._run, frozenset({"steps"}) if linked else frozenset()),
        }

    def definition(self, raw: Raw) -> WorkflowDefinition:
        if not isinstance(raw, Mapping):
            raise WorkflowInvalid((((), "a workflow is a mapping with name, version and steps"),))
        self._only(raw, {"kind", "name", "version", "title", "keys", "steps"}, ())
        self._names = set(_written_names(raw.get("steps")))
        name = self._text(raw, "name", (), _NAME, required=True)
        version = str(raw.get("version", "1"))
        keys = self._expressions(raw.get("keys", {}), ("keys",))
        steps = self._steps(raw.get("steps"), ("steps",))
        if not raw.get("steps"):
            self._say(("steps",), "a workflow needs at least one step")
        self._unique(steps)
        definition = WorkflowDefinition(name, version, steps, self._title(raw.get("title"), ("title",)), keys)
        if self._problems:
            raise WorkflowInvalid(tuple(self._problems))
        return definition

    # ── steps ────────────────────────────────────────────────────────────────────────────────────

    def _steps(self, raw: Any, path: Path) -> tuple[Step, ...]:
        if not isinstance(raw, list):
            self._say(path, "must be a list of steps")
            return ()
        steps = (self._step(item, (*path, number)) for number, item in enumerate(raw))
        return tuple(step for step in steps if step is not None)

    def _step(self, raw: Any, path: Path) -> Step | None:
        kinds = [kind for kind in self._readers if isinstance(raw, Mapping) and kind in raw]
        if len(kinds) != 1:
            self._say(path, f"a step holds exactly one of {', '.join(self._readers)}; this one holds {len(kinds)}")
            return None
        kind = kinds[0]
        reader, fields = self._readers[kind]
        self._only(raw, {kind, "name", "title", "when"} | fields, path)
        common = {
            "name": self._text(raw, "name", path, _STEP_NAME if self._linked else _NAME) or self._default(raw, kind),
            "title": self._title(raw.get("title"), (*path, "title")),
            "when": self._expression(raw, "when", path),
        }
        return reader(raw, common, path)

    def _call(self, raw: Raw, common: dict[str, Any], path: Path) -> Step:
        return CallStep(
            **common,
            operation=self._text(raw, "call", path, _OPERATION, required=True),
            request=self._expression(raw, "with", path) or ".input",
            save=self._text(raw, "save", path, _VARIABLE),
            retry=self._retry(raw.get("retry"), (*path, "retry"), Retry()),
            deadline=self._seconds(raw, "deadline", path),
            undo=self._undo(raw.get("undo"), (*path, "undo")),
            undone_by_nothing=self._because(raw.get("undo"), (*path, "undo")),
            unknown=self._unknown(raw.get("unknown"), (*path, "unknown")),
        )

    def _undo(self, raw: Any, path: Path) -> Undo | None:
        if raw is None or (isinstance(raw, Mapping) and "none" in raw):
            return None
        if not self._mapping(raw, {"call", "with", "retry"}, path):
            return None
        return Undo(
            operation=self._text(raw, "call", path, _OPERATION, required=True),
            request=self._expression(raw, "with", path) or ".input",
            retry=self._retry(raw.get("retry"), (*path, "retry"), PATIENT),
        )

    def _because(self, raw: Any, path: Path) -> str:
        """The reason of ``undo: {none: reason}``."""
        if not isinstance(raw, Mapping) or "none" not in raw:
            return ""
        self._only(raw, {"none"}, path)
        return self._text(raw, "none", path, _REASON)

    def _unknown(self, raw: Any, path: Path) -> Unknown | None:
        if raw is None or not self._mapping(raw, {"call", "with", "done", "as", "then", "retry"}, path):
            return None
        if "as" in raw and "done" not in raw:
            self._say((*path, "as"), "belongs to a query: say in done how its reply tells that the step was done")
        return Unknown(
            operation=self._text(raw, "call", path, _OPERATION, required=True),
            request=self._expression(raw, "with", path) or ".input",
            done=self._expression(raw, "done", path),
            reply=self._expression(raw, "as", path) or ".reply",
            then=self._one_of(raw, "then", ("retry", "fail"), path),
            retry=self._retry(raw.get("retry"), (*path, "retry"), PATIENT),
        )

    def _wait(self, raw: Raw, common: dict[str, Any], path: Path) -> Step:
        return WaitStep(
            **common,
            event=self._text(raw, "wait", path, _EVENT, required=True),
            match=self._expressions(raw.get("match", {}), (*path, "match")),
            save=self._text(raw, "save", path, _VARIABLE),
            deadline=self._seconds(raw, "deadline", path),
            late=self._one_of(raw, "late", ("fail", "alert"), path),
        )

    def _set(self, raw: Raw, common: dict[str, Any], path: Path) -> Step:
        values = self._expressions(raw["set"], (*path, "set"))
        for name in values:
            if not _VARIABLE.fullmatch(name):
                self._say((*path, "set", name), "a variable's name is lower-case letters, digits and _")
        return SetStep(**common, values=values)

    def _fail(self, raw: Raw, common: dict[str, Any], path: Path) -> Step:
        return FailStep(**common, reason=self._expression(raw, "fail", path) or "null")

    def _parallel(self, raw: Raw, common: dict[str, Any], path: Path) -> Step:
        at = (*path, "parallel")
        branches = raw["parallel"] if isinstance(raw["parallel"], list) else []
        if not branches:
            self._say(at, "must be a list of branches, each a list of steps")
        return ParallelStep(
            **common, branches=tuple(self._steps(branch, (*at, number)) for number, branch in enumerate(branches))
        )

    def _choose(self, raw: Raw, common: dict[str, Any], path: Path) -> Step:
        at = (*path, "choose")
        options = raw["choose"] if isinstance(raw["choose"], list) else []
        if not options:
            self._say(at, "must be a list of options, each with when and steps")
        read = []
        for number, option in enumerate(options):
            here = (*at, number)
            if not self._mapping(option, {"when", "steps"}, here):
                continue
            if "when" not in option and number + 1 < len(options):
                self._say(here, "only the last option may go without when")
            read.append(
                Option(self._expression(option, "when", here), self._steps(option.get("steps"), (*here, "steps")))
            )
        return ChooseStep(**common, options=tuple(read))

    def _run(self, raw: Raw, common: dict[str, Any], path: Path) -> Step:
        steps = self._steps(raw["steps"], (*path, "steps")) if self._linked and "steps" in raw else None
        return RunStep(**common, workflow=self._text(raw, "run", path, _NAME, required=True), steps=steps)

    # ── names ────────────────────────────────────────────────────────────────────────────────────

    def _default(self, raw: Raw, kind: str) -> str:
        """A call is named after its operation, a wait after its event, a run after its workflow: two of the same
        need names of their own. Steps that only give structure are numbered."""
        if kind in ("call", "wait", "run"):
            what = str(raw[kind])
            return _kebab(what.partition(".")[2] if kind == "call" else what)
        number, name = 1, kind
        while name in self._names:
            number += 1
            name = f"{kind}-{number}"
        self._names.add(name)
        return name

    def _unique(self, steps: tuple[Step, ...]) -> None:
        seen: set[str] = set()
        for path, step in located(steps):
            if step.name in seen:
                self._say(path, f"two steps are named {step.name!r}; give one of them another name")
            seen.add(step.name)


def _kebab(text: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", text)
    return re.sub(r"[^a-z0-9]+", "-", spaced.lower()).strip("-")[:63] or "step"


def _written_names(raw: Any) -> Iterator[str]:
    if isinstance(raw, Mapping):
        if isinstance(raw.get("name"), str):
            yield raw["name"]
        for value in raw.values():
            yield from _written_names(value)
    elif isinstance(raw, list):
        for value in raw:
            yield from _written_names(value)
