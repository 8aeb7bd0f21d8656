"""What every foreign client is asked to do, and what must come of it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from interop.sample import Sample

WORDS = "血常规 𠮷 & <O'Neill>"
REASON = "标本已凝固 𠮷"


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the matrix. ``way`` is how the envelope is sent; ``fault`` the code that must come back.

    Without ``fault`` the provider must hear exactly this sample, and the client must read it back. The case
    ``import`` comes before all others and sends nothing.
    """

    name: str
    title: str
    sample: Sample = (("text", WORDS),)
    way: str = "plain"
    operation: str = "Echo"
    fault: str = ""

    @property
    def line(self) -> str:
        """The order for a driver."""
        fields = (f"{name}={text}" for name, text in self.sample)
        return "\t".join((self.name, self.way, self.operation, *fields))


def _image(size: int) -> str:
    """So many bytes that no packing makes small, the same in every run, as base64."""
    blocks = (hashlib.sha256(str(number).encode()).digest() for number in range(size // 32))
    return base64.b64encode(b"".join(blocks)).decode()


def _sample(*fields: tuple[str, str]) -> Sample:
    return (("text", WORDS), *fields)


_ONE = (("panel", "GLU"), ("panel.value", "5.60"))
_MANY = (("panel", "血气"), ("panel", "GLU"), ("panel.value", "5.60"), ("panel", "K"), ("panel.value", "4.10"),
         ("panel.value", "4.20"))  # fmt: skip

CASES = (
    Case("import", "the published WSDL, imported unedited", way="import"),
    Case("text", "Chinese text round trip, beyond the basic plane and with markup characters"),
    Case("array-0", "nested array of none"),
    Case("array-1", "nested array of one, holding one", _sample(*_ONE)),
    Case("array-n", "nested array of three, holding none, one and two", _sample(*_MANY)),
    Case("decimal", "decimal 5.60 kept as text", _sample(("price", "5.60"))),
    Case("zoned", "dateTime with a zone", _sample(("taken", "2026-03-01T08:30:00+08:00"))),
    Case("zoneless", "dateTime without a zone", _sample(("taken", "2026-03-01T08:30:00"))),
    Case("base64", "base64 of 1 MB", _sample(("image", _image(1024 * 1024)))),
    Case("nil", "an element that is nil", _sample(("note.nil", ""))),
    Case("absent", "an element that is absent"),
    Case("fault", "a refusal of the provider, as a fault", (("text", REASON),), operation="Refuse", fault="Client"),
    Case("strange-action", "a SOAPAction that nobody knows", way="strange-action", fault="Client"),
    Case("other-action", "the SOAPAction of another operation", way="other-action", fault="Client"),
    Case("soap12", "a SOAP 1.2 envelope on a SOAP 1.1 endpoint", way="soap12", fault="VersionMismatch"),
    Case("empty-body", "an empty Body", way="empty-body", fault="Client"),
    Case("bom", "a byte order mark before UTF-8", way="bom"),
    Case("utf-16", "an envelope declared and written in UTF-16", way="utf-16"),
    Case("gb18030", "an envelope declared and written in GB18030", way="gb18030"),
    Case("gzip", "a request packed with gzip", way="gzip"),
    Case("chunked", "a request in chunks", way="chunked"),
    Case("expect", "Expect: 100-continue", way="expect"),
)

#: The cases that are about what is said, and not about how it is sent.
PLAIN = tuple(case for case in CASES if case.way == "plain")

#: What becomes of samples in a stack that takes every decimal for a number, and every time for an instant.
NUMBERS = {
    "array-1": _sample(("panel", "GLU"), ("panel.value", "5.6")),
    "array-n": _sample(("panel", "血气"), ("panel", "GLU"), ("panel.value", "5.6"), ("panel", "K"),
                       ("panel.value", "4.1"), ("panel.value", "4.2")),
    "decimal": _sample(("price", "5.6")),
}  # fmt: skip
INSTANTS = dict.fromkeys(("zoned", "zoneless"), _sample(("taken", "2026-03-01T00:30:00.000Z")))
