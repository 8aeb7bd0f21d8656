"""What the bindings of a WSDL 1.1 carry (WSDL 1.1 §2.3, §3): the parts of each message, its headers and its faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from registry.contracts.documents import WSDL
from transformers import ns
from transformers.document import Element
from transformers.xml import local_name

_SOAP = ("http://schemas.xmlsoap.org/wsdl/soap/", "http://schemas.xmlsoap.org/wsdl/soap12/")
_W = f"{{{WSDL}}}"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a message: ``element`` or ``type`` is a Clark name, and the other one is empty."""

    name: str
    element: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class Carried:
    """One direction of a bound operation: the parts in its Body, and the elements of its header blocks."""

    parts: tuple[Part, ...] = ()
    encoded: bool = False
    namespace: str = ""
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Exchange:
    """Both directions of a bound operation; ``reply`` is None for one-way. ``faults`` are detail elements by name."""

    request: Carried
    reply: Carried | None
    faults: Mapping[str, str]


class BoundMessages:
    """The bindings of the WSDLs among some documents."""

    def __init__(self, documents: Mapping[str, Element]) -> None:
        self._found: dict[tuple[str, str], Element] = {}
        self._operations: dict[Element, dict[str, Element]] = {}
        for root in documents.values():
            home = root.get("targetNamespace", "")
            for node in root.iterchildren(f"{_W}message", f"{_W}portType", f"{_W}binding"):
                self._found[local_name(node), ns.clark(home, node.get("name", ""))] = node
                # The first of a name counts, as everywhere: hence from the last to the first.
                named = {each.get("name", ""): each for each in node.iterchildren(f"{_W}operation", reversed=True)}
                self._operations[node] = named

    def exchange(self, binding: str, operation: str) -> Exchange | None:
        """What an operation of a binding (a Clark name) carries; None where the documents do not say."""
        bound = self._found.get(("binding", binding))
        port = self._named("portType", bound, "type")
        if bound is None or port is None:
            return None
        concrete, abstract = (self._operations[holder].get(operation) for holder in (bound, port))
        if concrete is None or abstract is None:
            return None
        reply = abstract.find(f"{_W}output")
        return Exchange(
            self._carried(concrete.find(f"{_W}input"), abstract.find(f"{_W}input")),
            self._carried(concrete.find(f"{_W}output"), reply) if reply is not None else None,
            dict(self._faults(abstract)),
        )

    def _carried(self, concrete: Element | None, abstract: Element | None) -> Carried:
        parts = {part.name: part for part in self._parts(abstract)}
        if concrete is None:
            return Carried(tuple(parts.values()))
        body = next(concrete.iter(*(f"{{{soap}}}body" for soap in _SOAP)), None)
        apart: set[str] = set()
        headers: list[str] = []
        for header in concrete.iter(*(f"{{{soap}}}header" for soap in _SOAP)):
            holder = self._named("message", header, "message")
            for part in self._parts_of(holder):
                if part.name == header.get("part"):
                    headers += [part.element] if part.element else []
                    apart |= {part.name} if holder is self._named("message", abstract, "message") else set()
        chosen = body.get("parts") if body is not None else None
        kept = chosen.split() if chosen is not None else [name for name in parts if name not in apart]
        return Carried(
            tuple(parts[name] for name in kept if name in parts),
            body is not None and body.get("use") == "encoded",
            body.get("namespace", "") if body is not None else "",
            tuple(headers),
        )

    def _faults(self, abstract: Element) -> Iterator[tuple[str, str]]:
        for fault in abstract.iterchildren(f"{_W}fault"):
            for part in self._parts(fault):
                if part.element:
                    yield fault.get("name", part.name), part.element

    def _parts(self, abstract: Element | None) -> Iterator[Part]:
        return self._parts_of(self._named("message", abstract, "message"))

    @staticmethod
    def _parts_of(message: Element | None) -> Iterator[Part]:
        for part in message.iterchildren(f"{_W}part") if message is not None else ():
            yield Part(part.get("name", ""), _qname(part, "element"), _qname(part, "type"))

    def _named(self, kind: str, node: Element | None, attribute: str) -> Element | None:
        return None if node is None else self._found.get((kind, _qname(node, attribute)))


def _qname(node: Element, attribute: str) -> str:
    written = node.get(attribute)
    if not written:
        return ""
    prefix, _, name = written.strip().rpartition(":")
    return ns.clark(node.nsmap.get(prefix or None, "") or "", name)
