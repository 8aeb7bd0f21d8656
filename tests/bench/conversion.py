"""Typed conversion SOAP → JSON → SOAP by schema, against hand-written lxml code that does exactly the same.

Both read the same 2 KB envelope with a nested array of 20, write its JSON, read that JSON and write the envelope
again. They take turns, so that whatever else the machine does falls on both; each has its best round.
"""

from __future__ import annotations

from collections.abc import Callable
from time import process_time_ns

import orjson
from lxml import etree

from transformers import json_text, xml
from transformers.soap import SoapVersion, open_envelope, seal
from transformers.xml_json import Codec, shape_from_xsd

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
LAB = "urn:bench:lab"
XSD = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{LAB}" elementFormDefault="qualified">
<xs:element name="PlaceOrder"><xs:complexType><xs:sequence>
 <xs:element name="visitNo" type="xs:string"/><xs:element name="urgent" type="xs:boolean"/>
 <xs:element name="placedAt" type="xs:dateTime"/><xs:element name="note" type="xs:string" minOccurs="0"/>
 <xs:element name="items"><xs:complexType><xs:sequence>
  <xs:element name="item" minOccurs="0" maxOccurs="unbounded"><xs:complexType><xs:sequence>
   <xs:element name="code" type="xs:string"/><xs:element name="name" type="xs:string"/>
   <xs:element name="count" type="xs:int"/><xs:element name="price" type="xs:decimal"/>
  </xs:sequence></xs:complexType></xs:element>
 </xs:sequence></xs:complexType></xs:element>
</xs:sequence></xs:complexType></xs:element></xs:schema>""".encode()

ITEM = "<item><code>A{0:03}</code><name>血常规{0}</name><count>{0}</count><price>{0}.50</price></item>"
MESSAGE = (
    f'<?xml version="1.0" encoding="utf-8"?>\n<soap:Envelope xmlns:soap="{SOAP}"><soap:Body><PlaceOrder xmlns="{LAB}">'
    "<visitNo>V20261123000017</visitNo><urgent>true</urgent><placedAt>2026-11-24T08:00:00+08:00</placedAt>"
    f"<items>{''.join(ITEM.format(number) for number in range(20))}</items>"
    "</PlaceOrder></soap:Body></soap:Envelope>"
).encode()


def by_schema() -> Callable[[bytes], bytes]:
    """The bus's way: everything that it does to a message between two forms."""
    codec = Codec(shape_from_xsd(XSD))

    def convert(message: bytes) -> bytes:
        payload = open_envelope(xml.parse(message)).payload
        assert payload is not None
        text = json_text.dumps(codec.to_json(payload))
        return seal(codec.to_xml(json_text.loads(text)), SoapVersion.V11)

    return convert


def by_hand(message: bytes) -> bytes:
    """What a programmer writes for this one message."""
    q = f"{{{LAB}}}"
    code, name, count, price = (q + local for local in ("code", "name", "count", "price"))
    order = etree.fromstring(message)[0][0]
    parts = {child.tag: child for child in order}
    document: dict[str, object] = {
        "visitNo": parts[f"{q}visitNo"].text or "",
        "urgent": parts[f"{q}urgent"].text in ("true", "1"),
        "placedAt": parts[f"{q}placedAt"].text or "",
    }
    if f"{q}note" in parts:
        document["note"] = parts[f"{q}note"].text or ""
    found = []
    for item in parts[f"{q}items"]:
        texts = {child.tag: child.text or "" for child in item}
        found.append(
            {
                "code": texts[code],
                "name": texts[name],
                "count": int(texts[count]),
                "price": texts[price],
            }
        )
    document["items"] = {"item": found}
    read = orjson.loads(orjson.dumps(document))
    envelope = etree.Element(f"{{{SOAP}}}Envelope", nsmap={"soap": SOAP})
    root = etree.SubElement(etree.SubElement(envelope, f"{{{SOAP}}}Body"), f"{q}PlaceOrder", nsmap={None: LAB})  # type: ignore[dict-item]
    etree.SubElement(root, f"{q}visitNo").text = read["visitNo"]
    etree.SubElement(root, f"{q}urgent").text = "true" if read["urgent"] else "false"
    etree.SubElement(root, f"{q}placedAt").text = read["placedAt"]
    if "note" in read:
        etree.SubElement(root, f"{q}note").text = read["note"]
    items = etree.SubElement(root, f"{q}items")
    for one in read["items"]["item"]:
        item = etree.SubElement(items, f"{q}item")
        etree.SubElement(item, code).text = one["code"]
        etree.SubElement(item, name).text = one["name"]
        etree.SubElement(item, count).text = str(one["count"])
        etree.SubElement(item, price).text = one["price"]
    return etree.tostring(envelope, encoding="utf-8", xml_declaration=True)


def cost(convert: Callable[[bytes], bytes], times: int = 300) -> float:
    """Microseconds of CPU for one conversion."""
    began = process_time_ns()
    for _ in range(times):
        convert(MESSAGE)
    return (process_time_ns() - began) / times / 1000


def measure(rounds: int = 9) -> dict[str, object]:
    """Run both in turn, print their figures, and answer them as a case of build/bench.json."""
    contestants = {"hand": by_hand, "bus": by_schema()}
    said = {
        name: etree.tostring(etree.fromstring(convert(MESSAGE)), method="c14n") for name, convert in contestants.items()
    }
    if len(set(said.values())) > 1:
        raise SystemExit("conversion: the two do not write the same document")
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(rounds):
        for name, convert in contestants.items():
            best[name] = min(best[name], cost(convert))
    ratio = best["bus"] / best["hand"]
    for name, figure in best.items():
        print(f"{'conversion':<12}{name:<7}{figure:>9.0f}" + (f"{ratio:>38.2f}" if name == "bus" else ""), flush=True)
    return {
        "case": "conversion",
        "bytes": len(MESSAGE),
        "hand_us": round(best["hand"], 1),
        "bus_us": round(best["bus"], 1),
        "times": round(ratio, 3),
    }


if __name__ == "__main__":
    measure()
