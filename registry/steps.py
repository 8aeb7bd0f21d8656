"""Mapping steps: one function for each kind of step in a manifest, all of them in one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from registry.conformity import nearest
from registry.findings import Spot
from registry.hip_step import hip_step
from registry.model import Form
from registry.shapes import Conversion, by_convention, by_json_schema, by_xsd, element_of, json_of
from registry.step import Factory, Scope, Step
from transformers.codes import compile_codes
from transformers.document import Document
from transformers.embedded import check_root, compile_unwrap, wrap
from transformers.errors import AnswerRefused, MappingFailed, TransformerInvalid
from transformers.jq import compile_jq


def _xslt(argument: Any, scope: Scope, spot: Spot) -> Step:
    written = argument if isinstance(argument, Mapping) else {"file": argument}
    library = scope.bench.library
    stylesheet = library.stylesheet(library.file(written["file"], spot))
    params: Mapping[str, str] = dict(written.get("params", {}))
    return Step(
        "xml",
        "json" if stylesheet.yields_json else "xml",
        lambda document: stylesheet.apply(element_of(document, "xslt"), params),
    )


def _jq(argument: Any, scope: Scope, spot: Spot) -> Step:
    if isinstance(argument, Mapping):
        library = scope.bench.library
        program = library.jq(library.file(argument["file"], spot))
    else:
        try:
            program = compile_jq(argument)
        except TransformerInvalid as error:
            raise spot.refuse(str(error)) from error
    return Step("json", "json", lambda document: program(json_of(document, "jq")))


def _to_json(argument: Any, scope: Scope, spot: Spot) -> Step:
    own = scope.own or by_convention("document")
    return Step("xml", "json", (own if argument is True else _conversion(argument, "", scope, spot)).to_json)


def _to_xml(argument: Any, scope: Scope, spot: Spot) -> Step:
    return Step("json", "xml", _conversion(argument, _root(argument["root"], spot), scope, spot).to_xml)


def _codes(argument: Any, scope: Scope, spot: Spot) -> Step:
    table = scope.bench.tables.get(argument["table"])
    if table is None:
        known = scope.bench.manifests.names("CodeTable")
        if argument["table"] in known:  # it is there and broken, which has been said already
            return Step(_form_of(argument["at"]), _form_of(argument["at"]), lambda document: document)
        hint = nearest(argument["table"], known)
        raise spot.at("table").refuse(f"no code table {argument['table']!r}", hint)
    for side in ("from", "to"):
        if argument[side] not in table.columns:
            message = f"the table {argument['table']} has no column {argument[side]!r}"
            raise spot.at(side).refuse(message, nearest(argument[side], table.columns))
    try:
        apply = compile_codes(table, argument["from"], argument["to"], argument["at"], namespaces=scope.namespaces)
    except (TransformerInvalid, MappingFailed) as error:
        raise spot.at("at").refuse(str(error)) from error
    form = _form_of(argument["at"])
    return Step(form, form, apply)


def _unwrap(argument: Any, scope: Scope, spot: Spot) -> Step:
    try:
        apply = compile_unwrap(argument, scope.namespaces)
    except (TransformerInvalid, MappingFailed) as error:
        raise spot.refuse(str(error)) from error
    return Step("xml", "xml", lambda document: apply(element_of(document, "unwrap")))


def _wrap(argument: Any, scope: Scope, spot: Spot) -> Step:
    root = _root(argument["root"], spot)
    for name in (argument["into"], *argument.get("children", {})):
        _root(name, spot)
    children = dict(argument.get("children", {}))
    options = {key: argument[key] for key in ("cdata", "qualified", "declaration") if key in argument}
    into = argument["into"]
    return Step("xml", "xml", lambda document: wrap(element_of(document, "wrap"), root, into, children, **options))


def _fault(argument: Any, scope: Scope, spot: Spot) -> Step:
    try:
        refused, code, reason = (compile_jq(argument.get(name, "null")) for name in ("when", "code", "reason"))
    except TransformerInvalid as error:
        raise spot.refuse(str(error)) from error

    def check(document: Document) -> Document:
        value = json_of(document, "fault")
        if refused(value) is True:
            words = {"code": str(code(value) or ""), "reason": str(reason(value) or "")}
            raise AnswerRefused("the provider's answer says that it refused", **words)
        return value

    return Step("json", "json", check)


def _done(argument: Any, scope: Scope, spot: Spot) -> Step:
    if scope.side != "reply":
        raise spot.refuse("done says that nothing is to be answered, so it ends a reply", "move it to the reply")
    return Step(None, None, lambda document: None)


#: Every kind of step: the key in the manifest, and what makes it.
FACTORIES: Mapping[str, Factory] = {
    "xslt": _xslt,
    "jq": _jq,
    "to_json": _to_json,
    "to_xml": _to_xml,
    "codes": _codes,
    "fault": _fault,
    "unwrap": _unwrap,
    "wrap": _wrap,
    "hip": hip_step,
    "done": _done,
}


def compile_steps(raw: Sequence[Mapping[str, Any]], scope: Scope, spot: Spot) -> tuple[Step, ...]:
    """The steps of one mapping; those that do not compile, or do not follow each other, become findings."""
    steps: list[Step] = []
    gives: Form | None = None
    for number, entry in enumerate(raw):
        ((kind, argument),) = entry.items()
        place = spot.at(number, kind)
        step = scope.bench.findings.attempt(
            lambda kind=kind, argument=argument, place=place: FACTORIES[kind](argument, scope, place)  # type: ignore[misc]
        )
        if step is None:
            gives = None  # what it would have given is unknown, so the next one is not judged
            continue
        if gives is not None and step.takes not in (gives, None):
            before = next(iter(raw[number - 1]))
            scope.bench.findings.add(
                [place.problem(f"{kind} takes {step.takes}, but {before} before it gives {gives}")]
            )
        gives = step.gives
        steps.append(step)
    return tuple(steps)


def _conversion(argument: Mapping[str, Any], element: str, scope: Scope, spot: Spot) -> Conversion:
    library = scope.bench.library
    if "json_schema" in argument:
        name = library.file(argument["json_schema"], spot.at("json_schema"))
        return by_json_schema(library.json_schema(name), element or "document")
    if "xsd" in argument:
        name = library.file(argument["xsd"], spot.at("xsd"))
        return by_xsd(library, library.schemas(name), element, name)
    return by_convention(element)


def _root(name: str, spot: Spot) -> str:
    try:
        return check_root(name)
    except TransformerInvalid as error:
        raise spot.refuse(str(error)) from error


def _form_of(path: str) -> Form:
    return "json" if path.startswith((".", "[")) and not path.startswith(("./", ".//")) else "xml"
