"""WSDL for services that have none: written by spyne from the shapes of their operations' documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from lxml import etree

from registry.contracts import spyne_shim as spyne
from registry.contracts.documents import LIMITS, WSDL
from registry.model import PublishedContract
from transformers import ns, xml
from transformers.errors import TransformerInvalid
from transformers.shape import Field, Kind, Shape
from transformers.xml_json import shape_from_json_schema

#: A class that spyne made; it has no types.
Model: TypeAlias = Any

_PRIMITIVES: Mapping[Kind, Model] = {
    "string": spyne.Unicode,
    "integer": spyne.Integer,
    "decimal": spyne.Decimal,
    "number": spyne.Double,
    "boolean": spyne.Boolean,
}

#: Steps of a JSON Schema's path that say nothing about what stands there.
_SILENT = frozenset({"", "properties", "$defs", "definitions", "allOf", "anyOf", "oneOf"})


#: What an operation answers that is only accepted.
ACCEPTED = shape_from_json_schema(
    {
        "type": "object",
        "required": ["messageId", "flowId"],
        "properties": {"messageId": {"type": "string"}, "flowId": {"type": "string"}},
    },
    "Accepted",
    ns.MERIDIAN,
)


@dataclass(frozen=True, slots=True)
class Signature:
    """An operation as a WSDL shows it. ``reply`` is ``ACCEPTED`` where the operation is asynchronous."""

    name: str
    title: str
    action: str
    request: Shape
    reply: Shape


def generate_wsdl(
    name: str, namespace: str, signatures: Sequence[Signature], *, soap12: bool
) -> PublishedContract | None:
    """A WSDL 1.1 (document/literal, wrapped) of these operations under one SOAP binding.

    Elements are exactly those that the shapes read and write. None where WSDL cannot say it: a document that is
    a bare text, or that lies in another namespace. Raises TransformerInvalid when spyne refuses a shape.
    """
    if not all(can_say(shape, namespace) for each in signatures for shape in (each.request, each.reply)):
        return None
    shapes = [shape for each in signatures for shape in (each.request, each.reply) if shape is not ACCEPTED]
    names = {ns.split(shape.tag)[1] for shape in shapes}
    try:
        accepted = _Models(ACCEPTED, ns.MERIDIAN, "Accepted", names).root()
        methods = {each.name: _method(each, namespace, names, accepted) for each in signatures}
        written = _write(_class_name(name), namespace, methods, spyne.Soap12 if soap12 else spyne.Soap11)
    except (ValueError, TypeError, LookupError, AttributeError, AssertionError, spyne.LogicError) as error:
        raise TransformerInvalid(f"spyne cannot describe this service: {error}") from error
    root = xml.parse(written, LIMITS)
    _polish(root, {each.name: each.action for each in signatures})
    main = f"{name}.wsdl"
    return PublishedContract(main, {main: xml.serialise(root, declaration=True)})


def _write(name: str, namespace: str, methods: Mapping[str, Any], protocol: Any) -> bytes:
    service = type(name, (spyne.Service,), dict(methods))
    application = spyne.Application(
        [service], tns=namespace, name=name, in_protocol=protocol(), out_protocol=protocol()
    )
    try:
        writer = spyne.Wsdl11(application.interface)
        writer.build_interface_document("http://meridian.invalid/")  # the gateway writes the bus's own address
        return bytes(writer.get_interface_document())
    finally:  # spyne keeps every application it has met for ever
        spyne.unregister_application(application)


def can_say(shape: Shape, namespace: str) -> bool:
    """Whether a generated WSDL can describe documents of this shape: not a bare text, nor another namespace's."""
    return shape is ACCEPTED or (ns.split(shape.tag)[0] == namespace and shape.types[shape.type].kind is None)


def _class_name(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def _method(signature: Signature, namespace: str, names: set[str], accepted: Model) -> Any:
    request = _Models(signature.request, namespace, signature.name, names).members()
    if signature.reply is ACCEPTED:
        answer = {"_returns": accepted, "_body_style": "out_bare"}
    else:
        reply = _Models(signature.reply, namespace, f"{signature.name}Response", names).members()
        answer = {"_returns": list(reply.values()), "_out_variable_names": list(reply)} if reply else {}

    def method(context: Any, *arguments: Any) -> None:
        raise AssertionError("spyne only describes this operation")

    method.__name__ = signature.name
    method.__doc__ = signature.title or None
    return spyne.rpc(
        *request.values(),
        _args=list(request),
        _in_message_name=signature.request.tag,
        _out_message_name=signature.reply.tag,
        _wsdl_part_name="parameters",
        **answer,
    )(method)


class _Models:
    """The classes of one document. A type is registered before its fields are read, so recursion ends."""

    def __init__(self, shape: Shape, namespace: str, prefix: str, names: set[str]) -> None:
        self._shape = shape
        self._namespace = namespace
        self._prefix = prefix
        self._names = names
        self._made: dict[str, Model] = {}

    def root(self) -> Model:
        """The class of the whole document."""
        return self._model(self._shape.type)

    def members(self) -> dict[str, Model]:
        """The root's attributes and children, by name."""
        return self._members(self._shape.type)

    def _members(self, key: str) -> dict[str, Model]:
        type_ = self._shape.types[key]
        members = {each.name: spyne.XmlAttribute(_PRIMITIVES[each.kind]) for each in type_.attributes}
        if type_.kind is not None:
            members["text"] = spyne.XmlData(_PRIMITIVES[type_.kind])
        return members | {ns.split(field.tag)[1]: self._field(field) for field in type_.fields}

    def _field(self, field: Field) -> Model:
        most = "unbounded" if field.most is None else field.most
        return self._model(field.type).customize(min_occurs=field.least, max_occurs=most, nillable=field.nillable)

    def _model(self, key: str) -> Model:
        if key in self._made:
            return self._made[key]
        type_ = self._shape.types[key]
        if type_.plain and type_.kind is not None:
            self._made[key] = _PRIMITIVES[type_.kind]
        elif not type_.fields and not type_.attributes:
            self._made[key] = spyne.AnyXml
        else:
            model = spyne.ComplexModelMeta(self._name(key), (spyne.ComplexModel,), {"__namespace__": self._namespace})
            self._made[key] = model
            for name, member in self._members(key).items():
                model.append_field(name, member)
        return self._made[key]

    def _name(self, key: str) -> str:
        words = [word for word in key.partition("#")[2].split("/") if word not in _SILENT]
        letters = ["".join(letter for letter in word if letter.isalnum()) for word in words]
        base = self._prefix + "".join(word[:1].upper() + word[1:] for word in letters)
        name, number = base, 1
        while name in self._names:
            number += 1
            name = f"{base}{number}"
        self._names.add(name)
        return name


def _polish(root: etree._Element, actions: Mapping[str, str]) -> None:
    """Without ``parameterOrder`` .NET makes wrapped methods; the SOAPAction is the one that the bus looks for."""
    for message in root.iter("{*}input", "{*}output"):
        name = message.get("message")
        if name is not None:  # spyne takes the element's namespace for the message's
            message.set("message", f"tns:{name.rpartition(':')[2]}")
    for binding in root.iter("{*}binding"):
        if binding.get("transport") is not None:
            binding.set("transport", "http://schemas.xmlsoap.org/soap/http")
    for operation in root.iter(f"{{{WSDL}}}operation"):
        if operation.get("parameterOrder") is not None:
            del operation.attrib["parameterOrder"]
        for bound in operation:
            action = actions.get(operation.get("name", ""))
            if bound.get("soapAction") is not None and action:
                bound.set("soapAction", action)
