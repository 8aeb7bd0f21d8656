"""By a shape, XML and JSON say the same: no array depends on its length, no digit is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transformers.document import Json
from transformers.errors import ContractViolation, TransformerInvalid
from transformers.shape import Attribute, Field, Shape, Type
from transformers.xml import parse, serialise
from transformers.xml_json import shape_from_json_schema, simple_to_json, simple_to_xml, to_json, to_xml

ORDER: dict[str, Any] = {
    "type": "object",
    "required": ["order_no"],
    "properties": {
        "@version": {"type": "integer"},
        "order_no": {"type": "string"},
        "urgent": {"type": "boolean"},
        "amount": {"type": "string"},
        "weight": {"type": ["number", "null"]},
        "count": {"type": "integer"},
        "items": {"type": "array", "items": {"$ref": "#/$defs/item"}},
        "matrix": {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
        "note": {"type": "object", "properties": {"@lang": {"type": "string"}, "#text": {"type": "string"}}},
    },
    "$defs": {
        "item": {
            "type": "object",
            "properties": {
                "code": {"type": "string"},
                "parts": {"type": "array", "items": {"$ref": "#/$defs/item"}},
            },
        }
    },
}


@pytest.fixture
def order() -> Shape:
    return shape_from_json_schema(ORDER, "Order", "urn:lab")


@pytest.mark.parametrize("count", [0, 1, 3])
def test_an_array_stays_an_array_however_many_items_come(order: Shape, count: int) -> None:
    value: Json = {"order_no": "1", "items": [{"code": str(n), "parts": []} for n in range(count)], "matrix": []}
    assert to_json(to_xml(value, order), order) == value


def test_every_kind_of_value_comes_back_as_it_went(order: Shape) -> None:
    value: Json = {
        "@version": 2,
        "order_no": "007",
        "urgent": False,
        "amount": "12.50",
        "weight": None,
        "count": 0,
        "items": [{"code": "A", "parts": [{"code": "B", "parts": []}]}],
        "matrix": [[1, 2], [], [3]],
        "note": {"@lang": "zh", "#text": "急"},
    }
    element = to_xml(value, order)
    assert [child.tag for child in element][:2] == ["{urn:lab}order_no", "{urn:lab}urgent"]
    assert to_json(parse(serialise(element)), order) == value


def test_children_come_in_the_schemas_order_whatever_the_json_says(order: Shape) -> None:
    element = to_xml({"count": 1, "order_no": "x"}, order)
    assert [child.tag.rpartition("}")[2] for child in element] == ["order_no", "count"]


def test_nil_and_absent_are_not_the_same(order: Shape) -> None:
    nil = to_json(to_xml({"order_no": "1", "weight": None}, order), order)
    absent = to_json(to_xml({"order_no": "1"}, order), order)
    assert isinstance(nil, dict)
    assert isinstance(absent, dict)
    assert nil["weight"] is None
    assert "weight" not in absent


def test_null_for_what_cannot_be_nil_is_left_out(order: Shape) -> None:
    assert (
        serialise(to_xml({"order_no": "1", "count": None}, order))
        == b'<Order xmlns="urn:lab"><order_no>1</order_no></Order>'
    )


def test_senders_that_get_namespaces_wrong_are_read_all_the_same(order: Shape) -> None:
    assert to_json(parse(b"<Order><order_no>1</order_no><count> 3 </count></Order>"), order) == {
        "order_no": "1",
        "count": 3,
        "items": [],
        "matrix": [],
    }


def test_an_empty_element_stands_for_an_absent_number(order: Shape) -> None:
    assert "count" not in to_json(parse(b"<Order><order_no/><count/></Order>"), order)  # type: ignore[operator]


def test_what_the_schema_does_not_know_is_carried_over(order: Shape) -> None:
    value = to_json(parse(b"<Order extra='1'><order_no>1</order_no><new><a>1</a><a>2</a></new></Order>"), order)
    assert value["@extra"] == "1"  # type: ignore[index,call-overload]
    assert value["new"] == {"a": ["1", "2"]}  # type: ignore[index,call-overload]
    assert to_json(to_xml(value, order), order) == value


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<count>drei</count>", "an integer"),
        ("<urgent>ja</urgent>", "true or false"),
        ("<weight>1,5</weight>", "a number"),
    ],
)
def test_text_of_the_wrong_kind_is_a_violation_with_its_path(order: Shape, text: str, kind: str) -> None:
    with pytest.raises(ContractViolation) as caught:
        to_json(parse(f"<Order><order_no>1</order_no>{text}</Order>".encode()), order)
    (violation,) = caught.value.violations
    assert violation.path.startswith("/Order/")
    assert violation.message == f"must be {kind}"


def test_all_values_of_the_wrong_kind_are_told_at_once_and_none_is_quoted(order: Shape) -> None:
    with pytest.raises(ContractViolation) as caught:
        to_xml({"order_no": {"secret": 1}, "count": "张三", "urgent": 3, "items": ["张三"]}, order)
    assert {violation.path for violation in caught.value.violations} == {"/order_no", "/count", "/urgent", "/items/0"}
    assert "张三" not in str(caught.value) + "".join(v.message for v in caught.value.violations)


def test_control_characters_do_not_get_into_xml(order: Shape) -> None:
    with pytest.raises(ContractViolation):
        to_xml({"order_no": "a\x00b"}, order)


@pytest.mark.parametrize(
    ("value", "text"), [(1, "1"), (1.5, "1.5"), (1e-7, "0.0000001"), (1e22, "10000000000000000000000"), (-0.1, "-0.1")]
)
def test_numbers_are_written_without_exponents(order: Shape, value: float, text: str) -> None:
    written = to_xml({"order_no": "1", "weight": value}, order)
    assert written[1].text == text
    assert to_json(written, order)["weight"] == value  # type: ignore[index,call-overload]


@pytest.mark.parametrize("text", ["0.1234567890123456789", "123456789012345678901234567890"])
def test_a_number_that_a_double_would_change_stays_text(order: Shape, text: str) -> None:
    document = parse(
        f"<Order><order_no/><weight>{text}</weight><count>{text if '.' not in text else 1}</count></Order>".encode()
    )
    assert to_json(document, order)["weight"] == text  # type: ignore[index,call-overload]


def test_names_that_xml_lacks_are_escaped_and_come_back() -> None:
    schema: Json = {
        "type": "object",
        "properties": {"a b": {"type": "string"}, "1x": {"type": "string"}, "_x0041_": {"type": "string"}},
    }
    shape = shape_from_json_schema(schema, "r")
    value: Json = {"a b": "1", "1x": "2", "_x0041_": "3"}
    element = parse(serialise(to_xml(value, shape)))
    assert element[0].tag == "a_x0020_b"
    assert to_json(element, shape) == value


@pytest.mark.parametrize("name", ["", "_x_", "_x0041_", "_x0041!", "_x00041!", "!_x0021_", "__x0021_x0021_", "xmlns"])
def test_a_name_that_looks_like_an_escape_is_told_from_one(name: str) -> None:
    value: Json = {name: "1", "@" + (name or "a"): "2"}
    assert simple_to_json(parse(serialise(simple_to_xml(value, "r")))) == value


def test_names_of_other_namespaces_keep_their_escapes() -> None:
    # .NET writes the columns of a DataSet so.
    shape = shape_from_json_schema({"type": "object", "properties": {"v": {}}}, "r")
    document = parse(b"<r><v><x:A_x0020_B xmlns:x='urn:x' x:a_x0020_b='1' c_x0020_d='2'>3</x:A_x0020_B></v></r>")
    value = to_json(document, shape)
    assert value == {"v": {"{urn:x}A B": {"@{urn:x}a b": "1", "@c d": "2", "#text": "3"}}}
    assert _plain(to_xml(value, shape)) == _plain(document)


NAMELESS: list[Json] = [
    {"{<}a": "1"}, {"{u\0}a": "1"}, {"{http://www.w3.org/2000/xmlns/}a": "1"}, {"@{<}a": "1"},
    {"@{http://www.w3.org/2000/xmlns/}a": "urn:evil"}, {"v": {"{<}a": "1"}}, {"v": [{"@xsi:type": "{<}T"}]},
]  # fmt: skip


@pytest.mark.parametrize("value", NAMELESS, ids=str)
def test_a_name_that_no_xml_can_have_is_a_violation(value: Json) -> None:
    shape = shape_from_json_schema({"type": "object", "properties": {"v": {}}}, "r", "urn:x")
    with pytest.raises(ContractViolation) as caught:
        to_xml(value, shape)
    assert [violation.message for violation in caught.value.violations] == ["must have a name that XML can hold"]


def test_no_member_declares_a_namespace(order: Shape) -> None:
    element = to_xml({"order_no": "1", "@xmlns": "urn:evil", "new": {"@xmlns": "urn:evil", "a": "1"}}, order)
    assert {child.tag.partition("}")[0] for child in parse(serialise(element)).iter("{*}*")} == {"{urn:lab"}


def test_alternatives_are_merged_into_one_structure() -> None:
    schema: Json = {
        "allOf": [{"properties": {"a": {"type": "integer"}}}, {"$ref": "#/$defs/b"}],
        "oneOf": [{"properties": {"c": {"type": "boolean"}}}, {"properties": {"d": {"type": "number"}}}],
        "$defs": {"b": {"type": "object", "properties": {"b": {"type": "integer"}}}},
    }
    shape = shape_from_json_schema(schema, "r")
    assert to_json(to_xml({"a": 1, "b": 2, "c": True, "d": 1.5}, shape), shape) == {"a": 1, "b": 2, "c": True, "d": 1.5}


def test_references_into_other_documents_are_followed() -> None:
    shape = shape_from_json_schema(
        {"type": "object", "properties": {"p": {"$ref": "common.json#/$defs/p"}}},
        "r",
        resources={"common.json": {"$defs": {"p": {"type": "integer"}}}},
    )
    assert to_json(parse(b"<r><p>1</p></r>"), shape) == {"p": 1}


@pytest.mark.parametrize("reference", ["#/$defs/none", "other.json", "#/properties/a"])
def test_references_that_lead_nowhere_do_not_compile(reference: str) -> None:
    with pytest.raises(TransformerInvalid):
        shape_from_json_schema({"type": "object", "properties": {"a": {"$ref": reference}}}, "r")


# ── properties ───────────────────────────────────────────────────────────────────────────────────────

_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff\x85"), max_size=6)
_SCALARS: dict[str, st.SearchStrategy[Json]] = {
    "string": _TEXT,
    "integer": st.integers(-(2**62), 2**62),
    "boolean": st.booleans(),
    "number": st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)
    | st.integers(-(10**9), 10**9),
}


@st.composite
def _schemas(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    kind = draw(st.sampled_from([*_SCALARS, "object", "array"] if depth else list(_SCALARS)))
    if kind == "array":
        return {"type": "array", "items": draw(_schemas(depth=depth - 1))}
    if kind == "object":
        names = draw(
            st.lists(st.sampled_from(["a", "b", "c d", "名", "@e", "9f"]), unique=True, min_size=1, max_size=4)
        )
        properties = {name: draw(_schemas(depth=0 if name == "@e" else depth - 1)) for name in names}
        return {"type": "object", "properties": properties}
    return {"type": kind}


def _instances(schema: dict[str, Any]) -> st.SearchStrategy[Json]:
    if schema["type"] == "array":
        return st.lists(_instances(schema["items"]), max_size=3)
    if schema["type"] == "object":
        arrays = {name: part for name, part in schema["properties"].items() if part["type"] == "array"}
        others = {name: part for name, part in schema["properties"].items() if name not in arrays}
        return st.fixed_dictionaries(
            {name: _instances(part) for name, part in arrays.items()},
            optional={name: _instances(part) for name, part in others.items()},
        )
    return _SCALARS[schema["type"]]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_json_and_its_xml_survive_each_other_for_any_json_schema(data: st.DataObject) -> None:
    schema = data.draw(_schemas())
    if schema["type"] not in ("object", "array"):
        schema = {"type": "object", "properties": {"v": schema}}
    value = data.draw(_instances(schema))
    shape = shape_from_json_schema(schema, "Root", "urn:x")
    document = parse(serialise(to_xml(value, shape)))
    assert to_json(document, shape) == value
    assert serialise(parse(serialise(to_xml(to_json(document, shape), shape)))) == serialise(document)


_NAMES_OF_ALL_KINDS = st.sampled_from([
    "", "a", "free", "a:b", "_x_", "@", "@e", "#order", "#text", "@xsi:nil", "@xsi:type", "@xmlns", "@xml:lang", "\0",
    "{urn:y}a b", "@{urn:y}a b", "{}a", "@{}a", "{", "@{", "}a", "{}", "@{}", "{<}a", "@{\0}a",
    "{http://www.w3.org/2000/xmlns/}a",
])  # fmt: skip


def _anything(names: st.SearchStrategy[str]) -> st.SearchStrategy[Json]:
    scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=4) | names
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=6
    )


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_json_at_all_becomes_xml_that_can_be_read_or_is_refused(data: st.DataObject) -> None:
    schema = data.draw(_schemas())
    schema = {"type": "object", "properties": {"a": schema, "free": {}, "@e": {"type": "string"}}}
    shape = shape_from_json_schema(schema, "Root", "urn:x")
    try:
        written = serialise(to_xml(data.draw(_anything(_NAMES_OF_ALL_KINDS)), shape))
    except ContractViolation:
        return
    parse(written)


@st.composite
def _shapes(draw: st.DrawFn) -> Shape:
    """Shapes as an XSD would give them: decimals, nillables, attributes, text beside attributes, bounded repeats."""
    types: dict[str, Type] = {
        "#string": Type(kind="string"),
        "#integer": Type(kind="integer"),
        "#decimal": Type(kind="decimal"),
        "#boolean": Type(kind="boolean"),
        "#money": Type(kind="decimal", attributes=(Attribute("cur", "cur"),)),
    }
    for level in range(draw(st.integers(1, 3))):
        fields = tuple(
            Field(
                name=f"{name}{level}",
                tag=f"{{urn:x}}{name}{level}",
                type=draw(st.sampled_from(sorted(types))),
                least=draw(st.sampled_from([0, 1])),
                most=draw(st.sampled_from([1, 1, 4, None])),
                nillable=draw(st.booleans()),
            )
            for name in draw(st.lists(st.sampled_from("pqrs"), unique=True, min_size=1, max_size=3))
        )
        types[f"t{level}"] = Type(
            fields=fields, attributes=(Attribute("n", "n", "integer"),) if draw(st.booleans()) else ()
        )
    return Shape("{urn:x}root", max(name for name in types if name.startswith("t")), types)


_LEXICAL = {
    "string": _TEXT.map(lambda text: text.replace("\r", "")),
    "integer": st.integers(-(2**62), 2**62).map(str),
    "decimal": st.decimals(-(10**30), 10**30, places=6, allow_nan=False).map(lambda number: f"{number:f}"),
    "boolean": st.sampled_from(["true", "false"]),
    "number": st.just("1.5"),
}


def _fill(draw: st.DrawFn, shape: Shape, type_: Type, tag: str, nillable: bool) -> str:
    from xml.sax.saxutils import escape, quoteattr

    name = tag.rpartition("}")[2]
    if nillable and draw(st.booleans()):
        return f'<{name} xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:nil="true"/>'
    attributes = "".join(
        f" {attribute.name}={quoteattr(draw(_LEXICAL[attribute.kind]))}"
        for attribute in type_.attributes
        if draw(st.booleans())
    )
    if type_.kind is not None:
        return f"<{name}{attributes}>{escape(draw(_LEXICAL[type_.kind]))}</{name}>"
    inside = ""
    for field in type_.fields:
        for _ in range(draw(st.integers(field.least, min(field.most or 3, 3)))):
            inside += _fill(draw, shape, shape.types[field.type], field.tag, field.nillable)
    return f"<{name}{attributes}>{inside}</{name}>"


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_xml_survives_the_way_through_json_for_any_shape(data: st.DataObject) -> None:
    shape = data.draw(_shapes())
    text = data.draw(st.composite(lambda draw: _fill(draw, shape, shape.types[shape.type], shape.tag, False))())
    document = parse(text.replace("<root", '<root xmlns="urn:x"', 1).encode())
    again = to_xml(to_json(document, shape), shape)
    assert parse(serialise(again, "utf-8")).xpath("count(//*)") == document.xpath("count(//*)")
    assert _plain(again) == _plain(document)


def _plain(element: Any) -> tuple[object, ...]:
    return (element.tag, sorted(element.attrib.items()), element.text or "", [_plain(child) for child in element])


# ── without a schema ─────────────────────────────────────────────────────────────────────────────────


def test_without_a_schema_the_convention_is_the_documented_one() -> None:
    document = parse(b'<r xmlns="u:r" k="1">t<a>1</a><b/><a x="2">3</a></r>')
    assert simple_to_json(document) == {"@k": "1", "#text": "t", "a": ["1", {"@x": "2", "#text": "3"}], "b": ""}


def test_the_convention_writes_scalars_lists_and_null() -> None:
    element = simple_to_xml({"a": [1, 2], "b": True, "c": None, "@d": 1.5, "e": {"f": ""}}, "{u:r}r")
    assert simple_to_json(element) == {"@d": "1.5", "a": ["1", "2"], "b": "true", "c": None, "e": {"f": ""}}
    assert element[0].tag == "{u:r}a"
    assert simple_to_json(simple_to_xml([1, [2, 3]], "r")) == {"item": ["1", {"item": ["2", "3"]}]}
    assert simple_to_json(simple_to_xml("x", "r")) == "x"


_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5).filter(
    lambda name: name[0] not in "@#"
)


@settings(max_examples=120, deadline=None)
@given(
    st.recursive(
        _TEXT,
        lambda inner: st.dictionaries(_NAMES, inner | st.lists(inner, min_size=2, max_size=3), min_size=1, max_size=3),
        max_leaves=8,
    )
)
def test_texts_under_any_names_survive_the_convention(value: Json) -> None:
    assert simple_to_json(parse(serialise(simple_to_xml(value, "r")))) == value
