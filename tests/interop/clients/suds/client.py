"""suds-community. Its message plugins are the place that the library offers for what goes over the wire.

It is given texts: it would write ``Decimal("5.60")`` as 5.6 and a datetime for an ``xs:string`` with a blank.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import suds
from suds.client import Client
from suds.plugin import MessagePlugin
from suds.transport.http import HttpAuthenticated

sys.path.insert(0, str(Path(__file__).parents[1]))
from driver import Order, Refused, serve

ACTION = "urn:example:lab/Refuse"


class Wire(MessagePlugin):
    """Writes the envelope in the way that the case asks for."""

    way = ""

    def sending(self, context: Any) -> None:
        if self.way == "empty-body":
            context.envelope = re.sub(rb"(:Body>).*(</[\w-]+:Body>)", rb"\1\2", context.envelope, flags=re.DOTALL)
        elif self.way == "bom":
            context.envelope = b"\xef\xbb\xbf" + context.envelope
        elif self.way in ("utf-16", "gb18030"):
            text = context.envelope.decode().replace('encoding="UTF-8"', f'encoding="{self.way}"')
            context.envelope = text.encode(self.way)


def headers(way: str) -> dict[str, str]:
    """What suds is told to send beside, or instead of, its own headers."""
    if way == "strange-action":
        return {"SOAPAction": '"urn:nobody:knows/this"'}
    if way == "other-action":
        return {"SOAPAction": f'"{ACTION}"'}
    if way in ("utf-16", "gb18030"):
        return {"Content-Type": f"text/xml; charset={way}"}
    return {"Content-Encoding": "gzip"} if way == "gzip" else {}


wire = Wire()
login = HttpAuthenticated(username=os.environ["WARD_USER"], password=os.environ["WARD_PASSWORD"], timeout=60)
client = Client(sys.argv[1], transport=login, plugins=[wire], cache=None)


def send(order: Order) -> Any:
    wire.way = order.way
    client.set_options(headers=headers(order.way))
    try:
        if order.operation == "Echo":
            return client.service.Echo(order.sample(suds.null(), lambda _, text: text))
        return client.service.Refuse(order.fields[0][1])
    except suds.WebFault as fault:
        raise Refused(fault.fault.faultcode, fault.fault.faultstring) from fault


serve(send)
