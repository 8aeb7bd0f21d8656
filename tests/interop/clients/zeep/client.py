"""zeep. Its transport is the place that the library offers for what goes over the wire."""

from __future__ import annotations

import base64
import gzip
import os
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import isodate
import requests
import zeep
from lxml import etree

sys.path.insert(0, str(Path(__file__).parents[1]))
from driver import Order, Refused, serve


class Wire(zeep.Transport):
    """Sends the envelope in the way that the case asks for."""

    way = ""

    def post_xml(self, address: str, envelope: Any, headers: dict[str, str]) -> Any:
        if self.way == "empty-body":
            for body in envelope.iter("{*}Body"):
                del body[:]
        codec = self.way if self.way in ("utf-16", "gb18030") else "utf-8"
        mark = b"\xef\xbb\xbf" if self.way == "bom" else b""
        data = mark + etree.tostring(envelope, xml_declaration=True, encoding=codec)
        action = headers["SOAPAction"]
        if self.way == "strange-action":
            action = '"urn:nobody:knows/this"'
        elif self.way == "other-action":
            action = action.replace("Echo", "Refuse")
        headers = {"SOAPAction": action, "Content-Type": f"text/xml; charset={codec}"}
        if self.way == "gzip":
            data, headers["Content-Encoding"] = gzip.compress(data), "gzip"
        chunks = (data[at : at + 100] for at in range(0, len(data), 100))
        body = chunks if self.way == "chunked" else data
        return self.session.post(address, data=body, headers=headers, timeout=60)


session = requests.Session()
session.auth = (os.environ["WARD_USER"], os.environ["WARD_PASSWORD"])
wire = Wire(session=session)
client = zeep.Client(sys.argv[1], transport=wire)
((_, sample),) = client.service._binding.get("Echo").input.body.type.elements
kinds = {name: type(element.type).__name__ for name, element in sample.type.elements}


def convert(name: str, text: str) -> Any:
    """A text as the Python value that zeep takes for a field of its type."""
    kind = kinds.get(name, "Decimal")
    if kind == "Decimal":
        return Decimal(text)
    if kind == "DateTime":
        return isodate.parse_datetime(text)
    return base64.b64decode(text) if kind == "Base64Binary" else text


def send(order: Order) -> Any:
    wire.way = order.way
    try:
        if order.operation == "Echo":
            return client.service.Echo(sample=order.sample(zeep.xsd.Nil, convert))
        return client.service.Refuse(text=order.fields[0][1])
    except zeep.exceptions.Fault as fault:
        raise Refused(fault.code, fault.message) from fault


serve(send)
session.close()
