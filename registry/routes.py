"""REST faces: path templates compiled to matchers, in the order in which they are tried."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import unquote

from registry.model import Operation, Route

_FIELD = re.compile(r"\{([^\W\d]\w*)\}")


def template_fields(template: str) -> tuple[str, ...]:
    """The names of the fields of a path template, in order."""
    return tuple(_FIELD.findall(template))


def template_fault(template: str) -> str:
    """What is wrong with a REST face's template; empty when nothing is."""
    fields = template_fields(template)
    if len(set(fields)) < len(fields):
        return "a field stands twice in the path"
    segments = template.split("/")[1:]
    for number, segment in enumerate(segments):
        if ("{" in segment or "}" in segment) and not _FIELD.fullmatch(segment):
            return "a {field} must be a whole part of the path"
        if not segment and number < len(segments) - 1:
            return "the path holds an empty part"
    return ""


def shape(template: str) -> str:
    """The template without its fields' names: two faces of one method with the same shape clash."""
    return _FIELD.sub("{}", template)


def compile_template(template: str) -> Callable[[str], Mapping[str, str] | None]:
    """A matcher: takes a raw path (RFC 3986, still percent-encoded), gives its decoded fields or None.

    Splitting comes before decoding, so ``%2F`` inside a field stays in it. Empty fields and paths that are
    not UTF-8 match nothing.
    """
    wanted = tuple((found[1], "") if (found := _FIELD.fullmatch(part)) else ("", part) for part in template.split("/"))

    def match(path: str) -> Mapping[str, str] | None:
        parts = path.split("/")
        if len(parts) != len(wanted):
            return None
        fields: dict[str, str] = {}
        for (name, fixed), raw in zip(wanted, parts, strict=True):
            try:
                part = unquote(raw, errors="strict") if "%" in raw else raw
            except UnicodeDecodeError:
                return None
            if not name:
                if part != fixed:
                    return None
            elif part:
                fields[name] = part
            else:
                return None
        return fields

    return match


def compile_routes(operations: Iterable[Operation]) -> tuple[Route, ...]:
    """One route per operation; fixed parts are tried before fields, whatever the order in the manifest."""
    routes = [
        Route(operation.http_method, operation.http_path, operation, compile_template(operation.http_path))
        for operation in operations
    ]
    return tuple(
        sorted(routes, key=lambda route: [_FIELD.fullmatch(part) is not None for part in route.template.split("/")])
    )
