"""The foreign clients: how each is made from the bus's WSDL, what it cannot do by its own nature, and how it reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from interop import stacks
from interop.cases import INSTANTS, NUMBERS, WORDS
from interop.sample import Sample

#: Answers the command of a client's driver for a service whose WSDL stands at this address.
Command = Callable[[str], list[str]]


@dataclass(frozen=True, slots=True)
class Client:
    """One row of the matrix.

    ``cannot`` says, by the name of a case, why this stack has no way to do it; ``reads`` what the stack makes of
    the reply where that is not what stands in it: the provider must have heard the true text all the same.
    ``fills`` is what the stack adds to every sample that lacks it; ``habits`` say both in words.
    """

    name: str
    title: str
    command: Command = field(repr=False)
    cannot: Mapping[str, str] = field(default_factory=dict)
    reads: Mapping[str, Sample] = field(default_factory=dict)
    fills: Sample = ()
    habits: tuple[str, ...] = ()


_WORDS = ("text", WORDS)
_NIL_UNREAD = {"nil": (_WORDS,)}
_NIL_READ_AS_ABSENT = "nil is read as if it were absent"
_BY_BINDING = "takes the SOAP version from the binding in the WSDL"
_UTF_8_ONLY = "writes UTF-8 only"
_NO_HOOK = "offers no hook to what goes over the wire"

CLIENTS = (
    Client(
        "php", "PHP SoapClient", stacks.php,
        cannot={"soap12": _BY_BINDING, "chunked": "always sends a length", "expect": "never sends it"},
    ),
    Client(
        "zeep", "zeep (Python)", stacks.zeep,
        cannot={"soap12": _BY_BINDING, "expect": "never sends it"},
        reads=_NIL_UNREAD, habits=(_NIL_READ_AS_ABSENT,),
    ),
    Client(
        "suds", "suds-community (Python)", stacks.suds,
        cannot={
            "soap12": "knows SOAP 1.1 only",
            "gb18030": "its parser reads no multi-byte charset but UTF-8 and UTF-16",
            "chunked": "always sends a length",
            "expect": "never sends it",
        },
        reads=_NIL_UNREAD, habits=(_NIL_READ_AS_ABSENT,),
    ),
    Client(
        "node", "node-soap (JavaScript)", stacks.node,
        cannot={"utf-16": _UTF_8_ONLY, "gb18030": _UTF_8_ONLY, "chunked": "sends a length beside it, against RFC 9112"},
        reads=_NIL_UNREAD | NUMBERS | INSTANTS,
        habits=(
            _NIL_READ_AS_ABSENT,
            "a decimal is read as a number, 5.60 as 5.6",
            "a dateTime is read as an instant, which has no zone of its own",
        ),
    ),
    Client(
        "jaxws", "JAX-WS RI, wsimport (Java)", stacks.jaxws,
        cannot={"bom": "writes no mark before UTF-8", "gzip": "does not pack requests", "expect": "never sends it"},
    ),
    Client(
        "mono", "Mono wsdl (.NET)", stacks.mono,
        cannot={
            "absent": "writes nil for a nillable text that it has no value for, as .NET does",
            "strange-action": _NO_HOOK,
            "other-action": _NO_HOOK,
            "empty-body": _NO_HOOK,
            "gzip": "does not pack requests",
        },
        reads=_NIL_UNREAD, habits=(_NIL_READ_AS_ABSENT, "a nillable text without a value is sent as nil"),
        fills=(("note.nil", ""),),
    ),
    Client(
        "gsoap", "gSOAP wsdl2h, soapcpp2 (C++)", stacks.gsoap,
        cannot={
            "nil": "reads nillable and optional as one, and leaves such an element out",
            "empty-body": _NO_HOOK, "bom": "writes no mark before UTF-8", "utf-16": _UTF_8_ONLY,
            "gb18030": _UTF_8_ONLY, "gzip": "Debian's library is built without zlib", "expect": "never sends it",
        },
    ),
    Client(
        "soaplite", "SOAP::Lite (Perl), by hand", stacks.soaplite,
        cannot={
            "import": "takes document/literal for rpc, so calls are built by hand",
            "empty-body": _NO_HOOK, "bom": _NO_HOOK, "utf-16": _UTF_8_ONLY, "gb18030": _UTF_8_ONLY,
            "chunked": "always sends a length", "expect": "never sends it",
        },
    ),
    Client("curl", "curl, envelopes by hand", stacks.curl, cannot={"import": "reads no WSDL"}),
)  # fmt: skip
