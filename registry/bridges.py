"""The provider's own side of an operation where it is not the contract's: another WSDL, other names, another style.

With a WSDL of the provider's, its messages are written and read by its schemas, and JSON stands between the two. With
names alone, the document is moved: its root renamed, its namespace exchanged, its parts qualified or not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from registry.conformity import nearest
from registry.contracts.wsdl import WsdlContract, WsdlOperation
from registry.errors import ManifestInvalid
from registry.findings import Spot
from registry.shapes import Conversions, element_of
from transformers import ns
from transformers.document import Document, Element, Transform
from transformers.namespaces import move, namespace_of, qualify
from transformers.shape import Shape
from transformers.xml import detached, local_name


@dataclass(frozen=True, slots=True)
class Names:
    """What the provider calls the request's element, and whether its parts stand in a namespace (``document``)."""

    element: str
    rpc: bool

    def there(self) -> Transform:
        """Move a request of the contract to the provider's names."""
        return lambda document: self._moved(element_of(document, "call.element"))

    def back(self, reply_element: str, shape: Shape | None) -> Transform:
        """Move a reply of the provider to the contract's names: by its schema, where it has one."""

        def restored(document: Document) -> Document:
            root = detached(element_of(document, "call.element"))
            move(root, namespace_of(root), ns.split(reply_element)[0])
            root.tag = reply_element or root.tag
            if shape is not None:
                qualify(root, shape)
            elif self.rpc:
                _set_namespace(root, ns.split(reply_element)[0])
            return root

        return restored

    def _moved(self, document: Element) -> Element:
        root = detached(document)
        home = ns.split(self.element)[0]
        move(root, namespace_of(root), home)
        root.tag = self.element
        _set_namespace(root, "" if self.rpc else home)
        return root


def _set_namespace(root: Element, namespace: str) -> None:
    for child in root.iterchildren("*"):
        child.tag = ns.clark(namespace, local_name(child))


def names_of(call: Mapping[str, Any]) -> Names | None:
    """The provider's names, where the manifest gives any."""
    return Names(call["element"], call.get("style") == "rpc") if "element" in call else None


def own_operation(raw: Mapping[str, Any], contract: WsdlContract | None, spot: Spot) -> WsdlOperation | None:
    """The operation of the provider's own WSDL that is called. Raises ManifestInvalid where there is none."""
    named = raw.get("call", {}).get("operation")
    if contract is None:
        if named is not None:
            raise spot.at("call", "operation").refuse("the provider has no WSDL of its own", "name it under provider")
        return None
    wanted = named or raw["name"]
    found = contract.operations.get(wanted)
    if found is None:
        hint = nearest(wanted, contract.operations)
        place = spot.at("call", "operation") if named else spot.at("name")
        raise place.refuse(f"the provider's WSDL {contract.file} binds no operation {wanted!r}", hint)
    return found


def checked(own: Conversions, spot: Spot, what: str) -> Conversions:
    """The conversions of one side, both of which a bridge needs. Raises ManifestInvalid."""
    if own.request is None or own.reply is None:
        raise ManifestInvalid((spot.problem(f"no JSON can be made of {what}, so nothing can stand between the two"),))
    return own
