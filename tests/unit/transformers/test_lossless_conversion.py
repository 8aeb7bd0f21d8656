"""XML → JSON → XML and JSON → XML → JSON are the identity, on random documents of random schemas."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from xsd_worlds import canonical, worlds

from transformers import json_text
from transformers.xml import parse, serialise
from transformers.xml_json import shape_from_xsd, to_json, to_xml
from transformers.xsd import compile_xsd


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data(), worlds())
def test_every_valid_document_of_every_schema_comes_back_as_it_went(
    data: st.DataObject, world: tuple[str, Any]
) -> None:
    schema, make = world
    document = parse(make().encode())
    check = compile_xsd(schema.encode())
    assume(check(document) == ())  # libxml2 counts a few nested repeats wrongly
    shape = shape_from_xsd(schema.encode(), root="root")
    value = to_json(document, shape)
    again = parse(serialise(to_xml(value, shape)))
    assert canonical(again) == canonical(document)
    assert check(again) == ()
    assert to_json(again, shape) == value
    through = json_text.loads(json_text.dumps(value))
    assert through == value
