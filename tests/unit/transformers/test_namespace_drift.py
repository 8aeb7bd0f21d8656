"""Elements with the right names in the wrong namespaces are brought to the right ones, and nothing else changes."""

from __future__ import annotations

from lxml import etree

from transformers.namespaces import move, qualify
from transformers.shape import Field, Shape, Type

SHAPE = Shape(
    "{urn:lab}Order",
    "Order",
    {
        "Order": Type(fields=(Field("no", "{urn:lab}no", "text"), Field("item", "{urn:types}item", "Item", most=None))),
        "Item": Type(fields=(Field("code", "code", "text"),)),
        "text": Type(kind="string"),
    },
)


def test_every_element_that_the_schema_knows_gets_the_namespace_the_schema_says() -> None:
    root = etree.fromstring(
        '<Order xmlns="http://tempuri.org/"><no>A</no><item><code>1</code></item><item><code>2</code></item></Order>'
    )
    assert qualify(root, SHAPE)
    assert [element.tag for element in root.iter()] == [
        "{urn:lab}Order", "{urn:lab}no", "{urn:types}item", "code", "{urn:types}item", "code",
    ]  # fmt: skip
    assert b"tempuri" not in etree.tostring(root)
    assert not qualify(root, SHAPE)


def test_what_the_schema_does_not_know_stays_as_it_is() -> None:
    root = etree.fromstring('<Order xmlns="urn:lab"><extra xmlns="urn:other"><no>A</no></extra></Order>')
    assert not qualify(root, SHAPE)
    assert root[0][0].tag == "{urn:other}no"


def test_a_prefix_that_only_a_value_uses_survives_the_move() -> None:
    root = etree.fromstring(
        '<a:Order xmlns:a="urn:old" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:t="urn:types">'
        '<a:no xsi:type="t:Number">1</a:no></a:Order>'
    )
    assert move(root, "urn:old", "urn:lab")
    assert root[0].nsmap["t"] == "urn:types"
    assert "urn:old" not in etree.tostring(root).decode()
    assert not move(root, "urn:lab", "urn:lab")
