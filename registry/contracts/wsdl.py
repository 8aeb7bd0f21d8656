"""WSDL 1.1 read with zeep: which operations it has, under which names, and the schemas of their documents."""

from __future__ import annotations

import posixpath
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from urllib.parse import unquote, urlsplit

from zeep.exceptions import Error as ZeepError
from zeep.settings import Settings
from zeep.transports import Transport
from zeep.wsdl import Document as ZeepDocument
from zeep.wsdl.bindings.soap import Soap11Binding, Soap12Binding, SoapBinding

from registry.catalogue import Catalogue
from registry.contracts.diagnosis import diagnose
from registry.contracts.documents import KNOWN, closure, known_schema
from registry.contracts.messages import BoundMessages, Carried, Exchange
from registry.contracts.rpc import Wrapper
from registry.contracts.schemas import SchemaSet, schemas_of_wsdl
from registry.errors import ManifestInvalid, Problem
from registry.model import PublishedContract
from transformers import ns, xml
from transformers.document import Element

#: What is wrong with a WSDL that says nothing of SOAP.
NOT_SOAP = "binds no operation to SOAP"

#: zeep resolves relative imports only below a known scheme; nothing is ever opened under this one.
_ROOT = "file:///"

# ``forbid_external`` would also refuse the SOAP encoding schema, which zeep asks for by its address without any
# import; the shelf below is the only door there is, and it has no way out.
_SETTINGS = Settings(strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=False, xml_huge_tree=False)


@dataclass(frozen=True, slots=True)
class WsdlOperation:
    """One operation as its bindings describe it; element names are in Clark notation, empty for an empty Body.

    ``headers`` and ``reply_headers`` are the header blocks that the binding declares, ``faults`` the detail element
    of each declared fault by its name. ``encoded`` says that bodies follow SOAP's own encoding (SOAP 1.1 §5).
    """

    name: str
    style: Literal["document", "rpc"]
    element: str
    reply_element: str
    action: str
    protocols: frozenset[str]
    encoded: bool = False
    headers: tuple[str, ...] = ()
    reply_headers: tuple[str, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WsdlContract:
    """A WSDL with everything it imports: operations by name, what to publish, and its schemas for validators."""

    file: str
    operations: Mapping[str, WsdlOperation]
    published: PublishedContract
    schemas: SchemaSet | None = field(repr=False)

    @property
    def headers(self) -> frozenset[str]:
        """The header blocks that any of its operations' requests declares, as Clark names."""
        return frozenset(name for operation in self.operations.values() for name in operation.headers)


def read_wsdl(catalogue: Catalogue, name: str) -> WsdlContract:
    """Read the WSDL file ``name`` of a catalogue.

    Raises ManifestInvalid when it or an import is missing or unreadable, or when it binds nothing to SOAP.
    """
    documents = closure(catalogue, name)
    bound = BoundMessages(documents)
    wrappers: list[Wrapper] = []
    operations = _operations(_parse(documents, name), bound, wrappers)
    if not operations:
        nothing = Problem(name, 1, NOT_SOAP, "it needs a soap:binding with a port")
        raise ManifestInvalid((nothing, *diagnose(documents)))
    folder = posixpath.commonpath([posixpath.dirname(file) for file in documents]) or "."
    published = PublishedContract(
        posixpath.relpath(name, folder),
        {posixpath.relpath(file, folder): xml.serialise(root) for file, root in documents.items()},
    )
    return WsdlContract(name, operations, published, schemas_of_wsdl(documents, wrappers))


class _Shelf(Transport):
    """Serves zeep the documents already gathered and parsed, and nothing else."""

    def __init__(self, documents: Mapping[str, Element]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.documents = documents
        self.main = next(iter(documents))

    def load(self, url: str) -> bytes:
        name = unquote(url.removeprefix(_ROOT)) if url.startswith(_ROOT) else self._by_namespace(url)
        if name not in self.documents and url in KNOWN:
            return known_schema(url)
        if name not in self.documents:
            raise ManifestInvalid((Problem(self.main, 1, f"needs {url}, which is not among the contract's files"),))
        return xml.serialise(self.documents[name])

    def _by_namespace(self, url: str) -> str:
        return next((name for name, root in self.documents.items() if root.get("targetNamespace") == url), "")

    def close(self) -> None:
        self.session.close()


def _parse(documents: Mapping[str, Element], name: str) -> Any:
    shelf = _Shelf(documents)
    try:
        with warnings.catch_warnings():  # of operations it leaves out: whoever needs one is told that it is missing
            warnings.simplefilter("ignore")
            return ZeepDocument(_ROOT + name, cast("Any", shelf), settings=_SETTINGS)
    except ZeepError as error:
        line = getattr(error, "sourceline", None) or 1
        file = unquote(urlsplit(getattr(error, "filename", None) or "").path).lstrip("/") or name
        told = Problem(file, line, f"not a usable WSDL: {error.message or error}")
        raise ManifestInvalid(diagnose(documents) or (told,)) from error
    except (LookupError, AttributeError, TypeError, ValueError, NotImplementedError, AssertionError) as error:
        # zeep's parser meets some malformed contracts with the bare error of whatever was missing
        told = Problem(name, 1, f"not a usable WSDL: {type(error).__name__} {error}")
        raise ManifestInvalid(diagnose(documents) or (told,)) from error
    finally:
        shelf.close()


def _operations(document: Any, bound: BoundMessages, wrappers: list[Wrapper]) -> dict[str, WsdlOperation]:
    """Every operation by its name; the wrappers of rpc messages are added to ``wrappers``."""
    found: dict[str, WsdlOperation] = {}
    for binding in _bindings(document):
        protocol = "soap12" if isinstance(binding, Soap12Binding) else "soap11"
        for operation in binding.all().values():
            known = found.get(operation.name)
            protocols = frozenset({protocol}) | (known.protocols if known else frozenset())
            action = (known.action if known else "") or (operation.soapaction or "")
            exchange = bound.exchange(str(binding.name.text), operation.name)
            one = _operation(operation, exchange, action, protocols)
            found[operation.name] = one
            if one.style == "rpc" and exchange is not None:
                wrappers.append(Wrapper(one.element, exchange.request))
                wrappers += [Wrapper(one.reply_element, exchange.reply)] if exchange.reply is not None else []
    return found


def _operation(operation: Any, exchange: Exchange | None, action: str, protocols: frozenset[str]) -> WsdlOperation:
    style: Literal["document", "rpc"] = "rpc" if operation.style == "rpc" else "document"
    element, reply = _body_element(operation.input), _body_element(operation.output)
    request = exchange.request if exchange is not None else Carried()
    answer = (exchange.reply if exchange is not None else None) or Carried()
    if style == "rpc":
        # WS-I Basic Profile 1.1, R2729: the wrapper of a reply is named after the operation.
        element = element or ns.clark(request.namespace, operation.name)
        replies = exchange is None or exchange.reply is not None
        home = answer.namespace or ns.split(reply or element)[0]
        reply = ns.clark(home, f"{operation.name}Response") if replies else ""
    return WsdlOperation(
        operation.name, style, element, reply, action, protocols,
        encoded=style == "rpc" and (request.encoded or answer.encoded),
        headers=request.headers, reply_headers=answer.headers, faults=exchange.faults if exchange else {},
    )  # fmt: skip


def _bindings(document: Any) -> Iterator[Any]:
    """The SOAP bindings that some port offers, SOAP 1.1 first; those of no port only where no port has any."""
    offered = [port.binding for service in document.services.values() for port in service.ports.values()]
    bindings = [binding for binding in offered or document.bindings.values() if isinstance(binding, SoapBinding)]
    yield from sorted(bindings, key=lambda binding: not isinstance(binding, Soap11Binding))


def _body_element(message: Any) -> str:
    body = getattr(message, "body", None)
    return str(body.qname.text) if body is not None and body.qname is not None else ""
