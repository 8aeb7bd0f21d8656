"""XML Schema checks that name every violation, and never the words of another thread's document."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from lxml import etree

from transformers import ns
from transformers.document import Document, Element
from transformers.errors import DocumentError, MalformedDocument, TransformerInvalid, Violation
from transformers.references import Blocked, last_words, line_of, name_of
from transformers.xml import Limits, hardened_parser, in_place, local_name, parse

MAX_VIOLATIONS = 500
_SOURCE_LIMITS = Limits(bytes=32 * 1024 * 1024)
_LINKS = tuple(f"{{{ns.XSD}}}{name}" for name in ("include", "import", "redefine"))

# libxml2's texts start with the names of element and attribute and end with what the schema says.
_WHERE = re.compile(
    r"Element '(?:\{[^}']*\})?([^']*)'(?:, attribute '(?:\{[^}']*\})?([^']*)')?: ?(?:\[facet '(\w+)'\] )?"
)
_EXPECTED = re.compile(r"Expected is (?:one of )?\( ([^()']*) \)\.$")
_TYPE = re.compile(r"of the (?:local )?(?:atomic|list|union) type(?: '([^']*)')?\.$")
_ATTRIBUTE = re.compile(r"The attribute '(?:\{[^}']*\})?([^']*)' is (required but missing|not allowed)\.$")
_STEP = re.compile(r"/(?:([\w.-]+):)?([\w.-]+|\*)(?:\[(\d+)\])?")


def compile_xsd(
    main: bytes, includes: Mapping[str, bytes] | None = None, *, name: str = "schema"
) -> Callable[[Document], tuple[Violation, ...]]:
    """Compile an XML Schema 1.0; ``includes`` holds by file name all that it includes or imports, also indirectly.

    An import without a location is served by the one file of that target namespace. The callable answers all
    violations with paths, local names only; it is thread-safe, and its texts never quote values.
    Raises TransformerInvalid with the file and its line.
    """
    known = _prepare(dict(includes or {}))
    root = _read(main, name)
    _locate(root, known, name)
    ready = in_place(root)
    # Verdicts of a shared XMLSchema are right in every thread; its error log is not, so it is never read.
    verdict = _compile(ready, known, name)
    guard = threading.Lock()
    explaining: list[etree.XMLSchema] = []

    def check(document: Document) -> tuple[Violation, ...]:
        if not isinstance(document, etree._Element):
            return (Violation("", "an XML document was expected", "form"),)
        if verdict.validate(document):
            return ()
        with guard:
            if not explaining:
                explaining.append(_compile(ready, known, name))
            schema = explaining[0]
            if schema.validate(document):
                return ()
            log: Any = schema.error_log
            entries = [(entry.type_name, entry.message, entry.path, entry.line) for entry in log]
        return _violations(document, entries)

    return check


def _prepare(includes: dict[str, bytes]) -> dict[str, bytes]:
    roots = {name: _read(data, name) for name, data in includes.items()}
    for name, root in roots.items():
        _locate(root, includes, name, roots)
    return {name: in_place(root) for name, root in roots.items()}


def _read(data: bytes, name: str) -> Element:
    try:
        root = parse(data, _SOURCE_LIMITS)
    except MalformedDocument as error:
        raise TransformerInvalid(f"{name}: {error}", line=error.line) from error
    except DocumentError as error:
        raise TransformerInvalid(f"{name}: {error}") from error
    if root.tag != f"{{{ns.XSD}}}schema":
        raise TransformerInvalid(f"{name}: the root element is not xs:schema", line=1)
    return root


def _locate(root: Element, known: Mapping[str, bytes], name: str, roots: Mapping[str, Element] | None = None) -> None:
    """Write into every include and import the exact name of the known file that it means."""
    for link in root.iterchildren(*_LINKS):
        location = link.get("schemaLocation")
        if location is None:
            owner = _owner(link.get("namespace", ""), known, roots)
            if owner is not None:
                link.set("schemaLocation", owner)
            continue
        target = name_of(location, known)
        if target is None:
            raise TransformerInvalid(
                f"{name}: {local_name(link)} of {location!r}: not among the schema's own files", line=line_of(link)
            )
        link.set("schemaLocation", target)


def _owner(namespace: str, known: Mapping[str, bytes], roots: Mapping[str, Element] | None) -> str | None:
    owners = [
        name
        for name, data in known.items()
        if (roots[name] if roots else _read(data, name)).get("targetNamespace", "") == namespace
    ]
    return owners[0] if len(owners) == 1 else None


def _compile(main: bytes, known: Mapping[str, bytes], name: str) -> etree.XMLSchema:
    parser = hardened_parser()
    parser.resolvers.add(Blocked(known))
    try:
        return etree.XMLSchema(parse(main, _SOURCE_LIMITS, parser=parser))
    except etree.XMLSchemaParseError as error:
        line, said = last_words(error)
        log: Any = error.error_log
        file = next((entry.filename for entry in log if entry.filename in known), name)
        raise TransformerInvalid(f"{file}: the schema does not compile: {said}", line=line, file=file) from error


def _violations(document: Element, entries: list[tuple[str, str, str | None, int]]) -> tuple[Violation, ...]:
    found: list[Violation] = []
    for type_name, message, path, line in entries:
        if len(found) == MAX_VIOLATIONS:
            found.append(Violation("", f"there are more than {MAX_VIOLATIONS} violations; the rest is not listed"))
            break
        where = _WHERE.match(message)
        attribute = f"/@{where[2]}" if where and where[2] else ""
        found.append(
            Violation(
                path=_path(document, path or "") + attribute,
                message=_words(message, where),
                rule=_rule(type_name, where),
                line=line or None,
            )
        )
    return tuple(found)


def _rule(type_name: str, where: re.Match[str] | None) -> str:
    return where[3] if where and where[3] else type_name.removeprefix("SCHEMAV_").lower()


def _words(message: str, where: re.Match[str] | None) -> str:
    """Say what is wrong in the schema's words only: the middle of libxml2's text may quote the document."""
    if where is None:
        return "breaks the schema"
    rest = message[where.end() :]
    if where[3]:
        return f"the value breaks the facet {where[3]}"
    expected = _EXPECTED.search(rest)
    wanted = f"; expected is {_plain(expected[1])}" if expected else ""
    if rest.startswith("This element is not expected"):
        return f"{where[1]} is not expected here{wanted}"
    if rest.startswith("Missing child element"):
        return f"a child of {where[1]} is missing{wanted}"
    attribute = _ATTRIBUTE.search(rest)
    if attribute:
        return f"the attribute {attribute[1]} is {attribute[2]}"
    kind = _TYPE.search(rest)
    if kind:
        return f"the value is not valid{f' as {kind[1]}' if kind[1] else ' here'}"
    if "No matching global declaration" in rest:
        return f"the schema has no global element {where[1]}"
    if "The character content is not allowed" in rest or "Character content" in rest:
        return f"{where[1]} may not hold text"
    if "Element content is not allowed" in rest:
        return f"{where[1]} may not hold elements"
    return f"{where[1]} breaks the schema"


def _plain(names: str) -> str:
    return re.sub(r"\{[^}]*\}", "", names).strip()


def _path(document: Element, path: str) -> str:
    """libxml2's node path in local names; it writes ``*`` for every element of a default namespace."""
    steps = list(_STEP.finditer(path))
    if not steps:
        return ""
    node: Any = document
    readable = [f"/{local_name(document)}"]
    for step in steps[1:]:
        position = int(step[3] or 1)
        fitting = [child for child in node if isinstance(child.tag, str) and _is(child, step[1], step[2])]
        if position > len(fitting):
            break
        node = fitting[position - 1]
        twins = [child for child in node.getparent() if child.tag == node.tag]
        index = f"[{twins.index(node) + 1}]" if len(twins) > 1 else ""
        readable.append(f"/{local_name(node)}{index}")
    return "".join(readable)


def _is(child: Element, prefix: str | None, name: str) -> bool:
    return name == "*" or (local_name(child) == name and (child.prefix or None) == prefix)
