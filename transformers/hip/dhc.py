"""``<Request>`` and ``<Response>`` of 东华 (DHC): ResultCode 0 says yes, -1 no."""

from __future__ import annotations

from lxml import etree

from transformers.document import Element
from transformers.hip.model import Heading, Stamp, Verdict
from transformers.xml import detached, local_name


class Dhc:
    """Documents whose root is ``Request`` or ``Response``."""

    def owns(self, document: Element) -> bool:
        """By the name of the root."""
        return local_name(document) in ("Request", "Response")

    def heading(self, document: Element) -> Heading:
        """SourceSystem and MessageID of the header; the interaction is the Body's child."""
        header, body = document.find("{*}Header"), document.find("{*}Body")
        children = list(body) if body is not None else []
        return Heading(
            local_name(document),
            local_name(children[0]) if len(children) == 1 else local_name(document),
            _text(header, "MessageID"),
            _text(header, "SourceSystem"),
            closing=local_name(document) == "Response",
        )

    def action(self, document: Element) -> str:
        """The call names it."""
        return ""

    def body(self, document: Element) -> Element:
        """The whole request, header included."""
        return document

    def acknowledge(self, received: Element, verdict: Verdict, stamp: Stamp) -> Element:
        """A Response with its code and message."""
        response: Element = etree.Element("Response")
        etree.SubElement(response, "ResultCode").text = "0" if verdict.code == "AA" else "-1"
        etree.SubElement(response, "ResultMsg").text = verdict.text
        return response

    def reply(self, received: Element, document: Element, stamp: Stamp) -> Element:
        """The operation's own answer as it is."""
        return document

    def verdict(self, document: Element) -> Verdict | None:
        """What a Response says."""
        code = _text(document, "ResultCode")
        if local_name(document) != "Response" or not code:
            return None
        text = _text(document, "ResultMsg") or _text(document, "ResultContent")
        return Verdict("AA" if code == "0" else "AE", text if code in ("0", "-1") else f"{code}: {text}")


def dressed(document: Element, stamp: Stamp) -> Element:
    """A document of one's own as the Body of a Request."""
    request: Element = etree.Element("Request")
    header = etree.SubElement(request, "Header")
    etree.SubElement(header, "SourceSystem").text = stamp.device
    etree.SubElement(header, "MessageID").text = stamp.id
    etree.SubElement(request, "Body").append(detached(document))
    return request


def _text(element: Element | None, name: str) -> str:
    return (element.findtext(f"{{*}}{name}") or "").strip() if element is not None else ""
