"""One call of an operation as the HTTP request that a caller sends to the bus."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote

from bus.errors import BadRequest, FaceNotOffered
from registry.model import Operation, ServiceVersion
from transformers import json_text
from transformers.document import Document, Element, Json, is_xml
from transformers.http_form import Split
from transformers.soap import SoapVersion, seal

#: A field in the path of a REST face.
_FIELD = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True, slots=True)
class HttpCall:
    """Method, address, headers (without a credential) and body, in UTF-8."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


def rest_call(version: ServiceVersion, operation: Operation, document: Document, base: str) -> HttpCall:
    """The call through the REST door; ``base`` is the bus's address.

    Raises FaceNotOffered, BadRequest (a field of the path is missing) or what the conversion to JSON raises.
    """
    if "rest" not in version.faces:
        raise FaceNotOffered(f"{version.service} is not offered over REST; give it XML, and call it over SOAP")
    if is_xml(document):
        if operation.to_json is None:
            raise FaceNotOffered(f"{operation.service}.{operation.name} has no schema to turn XML into JSON by")
        document = operation.to_json(document)
    split = _split(operation, document)  # type: ignore[arg-type]
    address = f"{base}/rest/{quote(version.service)}/v/{quote(version.version)}{_path(operation, split, document)}"
    headers = dict(split.headers) | ({} if split.body is None else {"Content-Type": "application/json"})
    return HttpCall(
        operation.http_method,
        f"{address}?{split.query}" if split.query else address,
        headers,
        b"" if split.body is None else json_text.pretty(split.body).encode(),
    )


def soap_call(version: ServiceVersion, operation: Operation, document: Document, base: str) -> HttpCall:
    """The call through the SOAP door, in the older of the versions that the service speaks.

    Raises FaceNotOffered or what the conversion to XML raises.
    """
    spoken = soap_version(version)
    if spoken is None:
        raise FaceNotOffered(f"{version.service} is not offered over SOAP; give it JSON, and call it over REST")
    action = operation.action
    media = {"Content-Type": f"{spoken.media_type}; charset=utf-8", "SOAPAction": f'"{action}"'}
    if spoken is SoapVersion.V12:
        media = {"Content-Type": f'{spoken.media_type}; charset=utf-8; action="{action}"'}
    address = f"{base}/soap/{quote(version.service)}/{quote(version.version)}"
    return HttpCall("POST", address, media, seal(as_element(operation, document), spoken))


def soap_version(version: ServiceVersion) -> SoapVersion | None:
    """The older of the SOAP versions that a service speaks; None where it speaks neither."""
    return next((each for each in SoapVersion if version.speaks(each)), None)


def as_element(operation: Operation, document: Document) -> Element | None:
    """The document as XML. Raises FaceNotOffered where no schema says how."""
    if document is None or is_xml(document):
        return document  # type: ignore[return-value]
    if operation.to_xml is None:
        raise FaceNotOffered(f"{operation.service}.{operation.name} has no schema to make XML by; give it XML")
    found: Element = operation.to_xml(document)  # type: ignore[assignment]
    return found


def _split(operation: Operation, document: Json) -> Split:
    """The document taken apart; what may stand in the body as well as in the query stands in the body."""
    form, bodiless = operation.http_form, operation.http_method in ("GET", "DELETE", "HEAD")
    if not isinstance(document, dict):
        return Split({}, "", {}, document)
    if bodiless or form.scattered:
        split = form.split(document)
        return replace(split, body=None) if bodiless else split
    named = set(_FIELD.findall(operation.http_path))
    path = {
        each.wire: each.segment(document[each.name]) for each in form.fields if each.name in document.keys() & named
    }
    return Split(path, "", {}, {name: value for name, value in document.items() if name not in named})


def _path(operation: Operation, split: Split, document: Document) -> str:
    """The path of the operation's REST face with its fields filled in."""
    found = document if isinstance(document, dict) else {}

    def part(match: re.Match[str]) -> str:
        name = match[1]
        text = split.path.get(name) or quote(str(found.get(name) or ""), safe="")
        if not text:
            raise BadRequest(f"the field {name!r} is missing, and the path {operation.http_path} needs it")
        return text

    return _FIELD.sub(part, operation.http_path)
