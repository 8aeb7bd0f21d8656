"""Reads workflow definitions: every problem at once, each with its path, before a definition enters a snapshot."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

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
    walk,
)
from transformers.errors import TransformerInvalid
from transformers.jq import compile_jq

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
_EVENT = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")

Raw: TypeAlias = Mapping[str, Any]


def parse_workflow(raw: Raw) -> WorkflowDefinition:
    """Read one definition as written in a manifest (``kind`` may be present). Raises WorkflowInvalid."""
    return _Parser(linked=False).definition(raw)


def load_linked(raw: Raw) -> LinkedWorkflow:
    """Read a linked definition back from its own JSON (``LinkedWorkflow.raw``). Raises WorkflowInvalid."""
    definition = _Parser(linked=True).definition(raw)
    again = to_raw(definition)
    return LinkedWorkflow(definition, again, content_hash(again))


class _Parser:
    """Reads one definition and gathers what is wrong with it."""

    def __init__(self, *, linked: bool) -> None:
        self._linked = linked
        self._problems: list[tuple[Path, str]] = []
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
            unknown=self._unknown(raw.get("unknown"), (*path, "unknown")),
        )

    def _undo(self, raw: Any, path: Path) -> Undo | None:
        if raw is None or not self._mapping(raw, {"call", "with", "retry"}, path):
            return None
        return Undo(
            operation=self._text(raw, "call", path, _OPERATION, required=True),
            request=self._expression(raw, "with", path) or ".input",
            retry=self._retry(raw.get("retry"), (*path, "retry"), PATIENT),
        )

    def _unknown(self, raw: Any, path: Path) -> Unknown | None:
        if raw is None or not self._mapping(raw, {"call", "with", "then", "retry"}, path):
            return None
        return Unknown(
            operation=self._text(raw, "call", path, _OPERATION, required=True),
            request=self._expression(raw, "with", path) or ".input",
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

    # ── values ───────────────────────────────────────────────────────────────────────────────────

    def _say(self, path: Path, text: str) -> None:
        self._problems.append((path, text))

    def _only(self, raw: Raw, known: set[str], path: Path) -> None:
        for key in raw:
            if key not in known:
                self._say((*path, str(key)), f"unknown; known here: {', '.join(sorted(known))}")

    def _mapping(self, raw: Any, known: set[str], path: Path) -> bool:
        if not isinstance(raw, Mapping):
            self._say(path, f"must be a mapping of {', '.join(sorted(known))}")
            return False
        self._only(raw, known, path)
        return True

    def _text(self, raw: Raw, key: str, path: Path, form: re.Pattern[str], *, required: bool = False) -> str:
        value = raw.get(key)
        if value is None and not required:
            return ""
        if isinstance(value, str) and form.fullmatch(value):
            return value
        self._say((*path, key), f"must be text of the form {form.pattern}")
        return ""

    def _one_of(self, raw: Raw, key: str, allowed: tuple[str, ...], path: Path) -> Any:
        value = raw.get(key, allowed[0])
        if value not in allowed:
            self._say((*path, key), f"must be one of {', '.join(allowed)}")
        return value

    def _seconds(self, raw: Raw, key: str, path: Path) -> float | None:
        value = raw.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 10**9:
            self._say((*path, key), "must be a number of seconds above 0")
            return None
        return float(value)

    def _retry(self, raw: Any, path: Path, default: Retry) -> Retry:
        if raw is None or not self._mapping(raw, {"attempts", "first", "max"}, path):
            return default
        attempts = raw.get("attempts", default.attempts)
        if isinstance(attempts, bool) or not isinstance(attempts, int) or not 1 <= attempts <= 1000:
            self._say((*path, "attempts"), "must be a whole number from 1 to 1000")
            attempts = default.attempts
        first = self._seconds(raw, "first", path) or default.first
        return Retry(attempts, first, self._seconds(raw, "max", path) or max(default.max, first))

    def _title(self, raw: Any, path: Path) -> Mapping[str, str]:
        if raw is None:
            return {}
        if isinstance(raw, Mapping) and all(isinstance(text, str) for text in (*raw, *raw.values())):
            return dict(raw)
        self._say(path, "must map zh and en to text")
        return {}

    def _expression(self, raw: Raw, key: str, path: Path) -> str:
        return self._jq(raw[key], (*path, key)) if key in raw else ""

    def _expressions(self, raw: Any, path: Path) -> dict[str, str]:
        if not isinstance(raw, Mapping):
            self._say(path, "must map names to jq expressions")
            return {}
        for name in raw:
            if not isinstance(name, str):
                self._say(
                    (*path, str(name)), "a name must be text; YAML reads yes, no, on and off as truth values: quote it"
                )
        return {str(name): self._jq(source, (*path, str(name))) for name, source in raw.items()}

    def _jq(self, source: Any, path: Path) -> str:
        if not isinstance(source, str) or not source.strip():
            self._say(path, "must be a jq expression, as text")
            return ""
        try:
            compile_jq(source)
        except TransformerInvalid as error:
            self._say(path, f"not a jq expression: {error}")
        return source

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
        for step in walk(steps):
            if step.name in seen:
                self._say(("steps",), f"two steps are named {step.name!r}; give one of them another name")
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
