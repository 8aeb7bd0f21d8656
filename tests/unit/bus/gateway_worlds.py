"""Worlds of one operation whose provider speaks SOAP or REST, and calls into them through the gateway."""

from __future__ import annotations

from typing import Any

from asgi_caller import Response, call, gateway
from lxml import etree
from twins import (
    LAB,
    ORDER,
    PLACED,
    SOAP11,
    SOAP12,
    CannedConnector,
    World,
    answered,
    envelope,
    operation,
    snapshot,
)

from registry.model import Call

SOAP = {"content-type": "text/xml; charset=utf-8", "x-api-key": "kiosk"}
JSON = {"content-type": "application/json", "x-api-key": "kiosk"}


def element(name: str, **fields: str) -> Any:
    root = etree.Element(f"{{{LAB}}}{name}", nsmap={None: LAB})
    for key, text in fields.items():
        etree.SubElement(root, f"{{{LAB}}}{key}").text = text
    return root


def fields(root: Any) -> Any:
    return {etree.QName(child).localname: child.text for child in root}


#: By schema, as the registry compiles it: one flat element, one flat object.
CONVERTERS: dict[str, Any] = {
    "to_json": fields,
    "to_xml": lambda document: element("PlaceOrder", **document),
    "reply_to_json": fields,
    "reply_to_xml": lambda document: element("PlaceOrderResponse", **document),
}


def replying(body: bytes | str, content_type: str, status: int = 200) -> CannedConnector:
    data = body.encode() if isinstance(body, str) else body
    return CannedConnector(lambda message: answered(message, data, content_type, status))


def rest_world(
    body: bytes | str = b'{"order_no":"A1"}', status: int = 200, media: str = "application/json", **changes: Any
) -> World:
    changes = {"form": "json", "http_path": "/orders", "call": Call("POST", "/api/orders"), **CONVERTERS, **changes}
    return World(snapshot(operation(**changes), protocol="rest"), connector=replying(body, media, status))


def soap_world(body: bytes | str = "", status: int = 200, protocol: str = "soap11", **changes: Any) -> World:
    body = body or envelope(PLACED, namespace=SOAP11 if protocol == "soap11" else SOAP12)
    media = "text/xml; charset=utf-8" if protocol == "soap11" else "application/soap+xml; charset=utf-8"
    return World(
        snapshot(operation(**{**CONVERTERS, **changes}), protocol=protocol), connector=replying(body, media, status)
    )


async def soap(one: World, body: bytes | str = "", **headers: str) -> Response:
    body = body or envelope(ORDER)
    given = {**SOAP, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await call(gateway(one), "POST", "/soap/lis", body.encode() if isinstance(body, str) else body, given)


async def rest(
    one: World, body: bytes = b'{"visit_no":"V1"}', path: str = "/orders", method: str = "POST", **headers: str
) -> Response:
    given = {**JSON, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return await call(gateway(one), method, f"/rest/lis{path}", body, given)
