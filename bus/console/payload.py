"""A stored payload as a person reads it: decoded, indented, and masked unless it was revealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import orjson
from lxml import etree

from bus.ports import Body
from transformers import charset, json_text, xml
from transformers.document import Document, Element
from transformers.errors import MeridianError
from transformers.masking import Rules, mask
from transformers.masking_values import mask_text

#: Characters shown of one payload; the rest is there in the journal, not on the page.
LONGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows of one payload. ``size`` is in bytes as received.

    ``unchanged`` says that the bytes are those of the payload before it, which went the same way.
    """

    stage: str
    text: str
    content_type: str
    charset: str
    size: int
    cut: bool
    unchanged: bool = False


def show_all(bodies: Sequence[Body], rules: Rules | None) -> list[Shown]:
    """Make the payloads of one exchange readable, each beside the one it was made of."""
    first = {body.stage.partition(".")[0]: body for body in reversed(bodies)}
    return [_beside(first[body.stage.partition(".")[0]], body, rules) for body in bodies]


def _beside(first: Body, body: Body, rules: Rules | None) -> Shown:
    return replace(show(body, rules), unchanged=first is not body and first.data == body.data)


def show(body: Body, rules: Rules | None) -> Shown:
    """Make a payload readable. ``rules`` None shows it unmasked; a payload that cannot be parsed is masked as text."""
    label = _declared(body.content_type)
    try:
        decoded = charset.read(body.data, label)
        text, used = _readable(decoded.text_utf8, rules), decoded.charset
    except MeridianError:
        raw = body.data.decode("utf-8", errors="replace")
        text, used = (raw if rules is None else mask_text(raw)), "?"
    return Shown(body.stage, text[:LONGEST], body.content_type, used, len(body.data), len(text) > LONGEST)


def _readable(data: bytes, rules: Rules | None) -> str:
    if not data.strip():
        return ""
    document: Document = xml.parse(data) if data.lstrip()[:1] == b"<" else json_text.loads(data)
    shown = document if rules is None else mask(document, rules)
    if isinstance(shown, etree._Element):
        etree.indent(shown)
        _open_inner(shown)
        return str(etree.tostring(shown, encoding="unicode"))
    return orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode()


def _open_inner(root: Element) -> None:
    """Show XML that travels as text the way it reads, not as the escapes it was sent in."""
    for node in root.iter():
        text = (node.text or "").strip()
        if text.startswith("<") and text.endswith(">"):
            try:
                inner = xml.parse(text.encode())
            except MeridianError:
                continue
            etree.indent(inner)
            node.text = etree.CDATA(f"\n{etree.tostring(inner, encoding='unicode')}\n")


def _declared(content_type: str) -> str:
    for part in content_type.split(";")[1:]:
        name, _, value = part.strip().partition("=")
        if name.lower() == "charset":
            return value.strip("\"' ")
    return ""
