"""The foreign servers behind the bus, and how their own reading of a sample changes what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from interop import foreign_servers
from interop.cases import INSTANTS, NUMBERS, WORDS
from interop.running import Running
from interop.sample import Sample


@dataclass(frozen=True, slots=True)
class Server:
    """One column of the matrix of servers.

    ``says`` is, by the name of a case, what the server answers where that is not the sample that it heard;
    ``fills`` what it adds to every sample that lacks it; ``demands`` is what its contract makes SOAP callers add.
    ``habits`` say all three in words.
    """

    name: str
    title: str
    start: Callable[[Path], AbstractContextManager[Running]] = field(repr=False)
    says: Mapping[str, Sample] = field(default_factory=dict)
    fills: Sample = ()
    demands: Sample = ()
    habits: tuple[str, ...] = ()


_WORDS = ("text", WORDS)
_NIL_FILLS = (("note.nil", ""),)
_NIL_FOR_ABSENT = "an absent text that may be nil is given back as nil"

SERVERS = (
    Server("php", "PHP SoapServer", foreign_servers.php),
    Server(
        "node", "node-soap", foreign_servers.node,
        says=NUMBERS | INSTANTS | {"nil": (_WORDS,)},
        habits=(
            "a decimal is read as a number, 5.60 as 5.6",
            "a dateTime is read as an instant, which has no zone of its own",
            "nil is read as if it were absent",
        ),
    ),
    Server(
        "gsoap", "gSOAP", foreign_servers.gsoap,
        says={"nil": (_WORDS,)}, habits=("nil is read as if it were absent",),
    ),
    Server(
        "asmx", "ASMX on Mono", foreign_servers.asmx,
        fills=_NIL_FILLS, demands=_NIL_FILLS,
        habits=(_NIL_FOR_ABSENT, "its own contract has SOAP callers send such a text always, nil if need be"),
    ),
    Server("jaxws", "JAX-WS RI, rpc/literal", foreign_servers.jaxws, fills=_NIL_FILLS, habits=(_NIL_FOR_ABSENT,)),
)  # fmt: skip
