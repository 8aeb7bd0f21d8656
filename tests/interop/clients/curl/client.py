"""curl with envelopes written by hand: what no stack offers, sent all the same."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.request import urlopen

from lxml import etree

sys.path.insert(0, str(Path(__file__).parents[1]))
from driver import Order, Refused, serve

SOAP11, SOAP12 = "http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
ACTIONS = {"strange-action": "urn:nobody:knows/this", "other-action": "urn:example:lab/Refuse"}

with urlopen(sys.argv[1]) as answer:
    contract = etree.fromstring(answer.read())
namespace = contract.get("targetNamespace")
endpoint = next(contract.iter("{*}address")).get("location")


def envelope(order: Order) -> etree._Element:
    """The order as an envelope of the version that its way asks for."""
    soap = SOAP12 if order.way == "soap12" else SOAP11
    root = etree.Element(f"{{{soap}}}Envelope", nsmap={"soap": soap, None: namespace})
    body = etree.SubElement(root, f"{{{soap}}}Body")
    if order.way == "empty-body":
        return root
    inner = etree.SubElement(body, f"{{{namespace}}}{order.operation}")
    parent = etree.SubElement(inner, f"{{{namespace}}}sample") if order.operation == "Echo" else inner
    panel = parent
    for name, text in order.fields:
        place = panel if name == "panel.value" else parent
        if name == "panel":
            place = panel = etree.SubElement(parent, f"{{{namespace}}}panel")
        local = {"panel": "code", "panel.value": "value"}.get(name, name.removesuffix(".nil"))
        field = etree.SubElement(place, f"{{{namespace}}}{local}")
        if name.endswith(".nil"):
            field.set(NIL, "true")
        else:
            field.text = text
    return root


def post(order: Order) -> bytes:
    """Send it, and answer the body of what came back, whatever its status."""
    way = order.way
    codec = way if way in ("utf-16", "gb18030") else "utf-8"
    data = etree.tostring(envelope(order), xml_declaration=True, encoding=codec)
    data = b"\xef\xbb\xbf" + data if way == "bom" else gzip.compress(data) if way == "gzip" else data
    headers = [f"Content-Type: {'application/soap+xml' if way == 'soap12' else 'text/xml'}; charset={codec}"]
    if way != "soap12":
        headers.append(f'SOAPAction: "{ACTIONS.get(way, f"urn:example:lab/{order.operation}")}"')
    headers += {
        "gzip": ["Content-Encoding: gzip"],
        "chunked": ["Transfer-Encoding: chunked"],
        "expect": ["Expect: 100-continue"],
    }.get(way, [] if len(data) > 1_000_000 else ["Expect:"])
    with tempfile.NamedTemporaryFile() as body:
        body.write(data)
        body.flush()
        login = f"{os.environ['WARD_USER']}:{os.environ['WARD_PASSWORD']}"
        command = ["curl", "--silent", "--show-error", "--max-time", "60", "--user", login]
        command += [part for header in headers for part in ("--header", header)]
        done = subprocess.run([*command, "--data-binary", f"@{body.name}", endpoint], capture_output=True, check=True)
    return done.stdout


def send(order: Order) -> Any:
    root = etree.fromstring(post(order))
    fault = next(root.iter("{*}Fault"), None)
    if fault is not None:
        raise Refused(fault.findtext("{*}faultcode") or "", fault.findtext("{*}faultstring") or "")
    if order.operation == "Refuse":
        return None
    read = SimpleNamespace(panel=[])
    for child in next(root.iter("{*}result")):
        name = etree.QName(child).localname
        if name == "panel":
            values = [value.text for value in child.iterfind("{*}value")]
            read.panel.append(SimpleNamespace(code=child.findtext("{*}code"), value=values))
        else:
            setattr(read, f"{name}.nil" if child.get(NIL) else name, child.text or "")
    return read


serve(send)
