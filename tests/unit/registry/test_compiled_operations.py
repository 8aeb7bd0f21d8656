"""Operations as the hot path finds them in a snapshot."""

from __future__ import annotations

import textwrap

import pytest
from catalogues import SYSTEM, compiled, operation_of, service
from lxml import etree

from registry.model import Operation
from transformers.errors import MappingFailed
from transformers.masking import mask_body

CHECKED = "- {name: PlaceOrder, effect: write, checks: {request: {json_schema: order.json}}}"


def test_defaults_are_the_documented_ones() -> None:
    operation = operation_of("- {name: PlaceOrder}")
    assert (operation.effect, operation.mode, operation.form) == ("write", "sync", "json")
    assert (operation.http_method, operation.http_path) == ("POST", "/PlaceOrder")
    assert operation.element == "{urn:meridian:lis:1}PlaceOrder"
    assert operation.reply_element == "{urn:meridian:lis:1}PlaceOrderResponse"
    assert (operation.request, operation.reply, operation.request_check) == ((), (), None)


def test_what_nobody_calls_a_read_is_a_write_unless_its_method_says_so() -> None:
    assert operation_of("- {name: A, http: {method: GET, path: /a}}").effect == "read"
    assert operation_of("- {name: A, http: {method: PUT, path: /a}}").effect == "write"
    assert operation_of("- {name: A, effect: read}").effect == "read"


def test_a_policy_is_overridden_field_by_field() -> None:
    operation = operation_of("- {name: A, policy: {timeout: 3}}", head="policy: {timeout: 9, retries: 5}")
    assert (operation.policy.timeout, operation.policy.retries, operation.policy.backoff) == (3, 5, 0.2)


def test_a_rest_provider_is_called_as_the_bus_is_unless_it_says_otherwise() -> None:
    same = operation_of("- {name: A, http: {method: GET, path: '/a/{x}'}}")
    assert (same.call.method, same.call.path) == ("GET", "/a/{x}")
    other = operation_of("- {name: A, http: {method: GET, path: /a}, call: {method: PUT, path: /b}}")
    assert (other.call.method, other.call.path) == ("PUT", "/b")


@pytest.mark.parametrize("path", ["/l:Order/l:nick", "//l:nick", "l:nick", ".nick"])
def test_what_an_operation_masks_is_hidden_in_its_envelope_by_the_prefixes_of_its_version(path: str) -> None:
    operation = operation_of(f"- {{name: A, masks: ['{path}']}}", head="namespaces: {l: urn:lab}")
    soap = "http://schemas.xmlsoap.org/soap/envelope/"
    body = f'<s:Envelope xmlns:s="{soap}"><s:Body><Order xmlns="urn:lab"><nick>Bo</nick></Order></s:Body></s:Envelope>'
    assert "<nick>***</nick>" in mask_body(body.encode(), operation.masks)
    assert mask_body(b'{"nick":"Bo"}', operation.masks) == '{"nick":"***"}'


@pytest.mark.parametrize("ending", ["starts: w", "raises: lab.done"])
def test_what_starts_or_raises_is_asynchronous(ending: str) -> None:
    workflow = 'kind: Workflow\nname: w\nversion: "1"\nsteps: [{set: {a: "1"}, name: first}]\n'
    text = service(f"- {{name: A, {ending}}}").replace("    provider", "    # provider")
    made = compiled(SYSTEM, text, workflow).snapshot.services["lis"].versions["1"].operations["A"]
    assert made.mode == "async"
    assert f"{made.starts}{made.raises}" in ("w", "lab.done")


def test_a_check_finds_every_violation_and_keeps_its_gate() -> None:
    check = operation_of("- {name: A, checks: {request: {json_schema: order.json, gate: warn}}}").request_check
    assert check is not None
    assert check.gate == "warn"
    assert check.validator({"order_no": "1"}) == ()
    assert len(check.validator({"sex": 1})) == 2


def test_soap_callers_of_a_json_contract_are_converted_by_its_schema() -> None:
    operation = operation_of(CHECKED)
    assert operation.to_json is not None
    assert operation.to_xml is not None
    document = {"order_no": "7", "items": [{"code": "A"}]}
    element = operation.to_xml(document)
    assert isinstance(element, etree._Element)
    assert element.tag == "{urn:meridian:lis:1}PlaceOrder"
    assert operation.to_json(element) == document
    assert operation.reply_to_json is None


def test_a_soap_provider_of_a_json_contract_gets_xml_without_a_mapping() -> None:
    both = "{request: {json_schema: order.json}, reply: {json_schema: order.json}}"
    operation = operation_of(f"- {{name: PlaceOrder, checks: {both}}}", protocol="soap11")
    (to_provider,), (from_provider,) = operation.request, operation.reply
    sent = to_provider({"order_no": "7"})
    assert etree.tostring(sent).startswith(b'<PlaceOrder xmlns="urn:meridian:lis:1"')  # type: ignore[arg-type]
    reply = etree.fromstring(
        '<PlaceOrderResponse xmlns="urn:meridian:lis:1"><order_no>7</order_no></PlaceOrderResponse>'
    )
    assert from_provider(reply) == {"order_no": "7", "items": []}


def test_routes_try_fixed_parts_before_fields() -> None:
    operations = """
        - {name: Any, http: {path: '/orders/{no}'}}
        - {name: Open, http: {path: /orders/open}}
        - {name: Deep, http: {path: '/{a}/open'}}
    """
    version = compiled(SYSTEM, service(operations)).snapshot.services["lis"].versions["1"]
    assert [route.operation.name for route in version.routes] == ["Open", "Any", "Deep"]
    assert version.by_element["{urn:meridian:lis:1}Open"].name == "Open"


def test_the_default_version_is_the_marked_one_or_the_only_one() -> None:
    assert compiled(SYSTEM, service("- {name: A}")).snapshot.services["lis"].default == "1"
    two = textwrap.dedent("""
        kind: Service
        name: lis
        system: lis
        versions:
          - {version: "1", operations: [{name: A, raises: x}]}
          - {version: "2", default: true, operations: [{name: A, raises: x}]}
    """)
    assert compiled(SYSTEM, two).snapshot.services["lis"].default == "2"


def test_addresses_and_secrets_are_resolved_from_the_environment() -> None:
    text = service("- {name: A}").replace(
        "endpoints: [{url: 'http://lis.example/api'}]",
        "auth: {kind: bearer, secret: '${LIS_TOKEN}'}, endpoints: [{url: '${LIS:-http://lis.example}/api', weight: 3}]",
    )
    provider = compiled(SYSTEM, text, LIS_TOKEN="t-1").snapshot.services["lis"].versions["1"].provider
    assert provider is not None
    assert (provider.auth.secret, provider.endpoints[0].url) == ("t-1", "http://lis.example/api")
    moved = compiled(SYSTEM, text, LIS_TOKEN="t-1", LIS="https://b").snapshot.services["lis"].versions["1"].provider
    assert moved is not None
    assert moved.endpoints[0].url == "https://b/api"
    assert "t-1" not in repr(provider)


def _sample(operation: Operation, side: str, document: object) -> object:
    for step in getattr(operation, side):
        document = step(document)
    return document


STYLESHEET = b"""<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:c="urn:c">
<xsl:import href="common/names.xsl"/><xsl:param name="hospital"/>
<xsl:template match="/"><c:order at="{$hospital}"><xsl:call-template name="no"/></c:order></xsl:template>
</xsl:stylesheet>"""
COMMON = b"""<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
<xsl:template name="no"><no><xsl:value-of select="//order_no"/></no></xsl:template></xsl:stylesheet>"""
STEPS = """
- name: PlaceOrder
  request:
    - jq: {file: map.jq}
    - codes: {table: sex, from: his, to: gbt, at: .sex}
    - to_xml: {root: Order}
    - xslt: {file: order.xslt, params: {hospital: H1}}
    - wrap: {root: "{urn:w}Call", into: Parameter, children: {Code: "1001"}, cdata: true}
  reply:
    - unwrap: "//*[local-name()='CallResult']"
    - to_json: true
    - jq: "{no: .no}"
"""
TABLE = 'kind: CodeTable\nname: sex\ncolumns: [his, gbt]\nrows: [["M", "1"]]\nunmapped: {gbt: "9"}\n'
FILES = {"map.jq": b"{order_no: .order_no, sex: .sex}", "order.xslt": STYLESHEET, "common/names.xsl": COMMON}


def test_every_kind_of_step_works_one_after_the_other() -> None:
    made = compiled(SYSTEM, service(STEPS, protocol="soap11"), TABLE, files=FILES)
    operation = made.snapshot.services["lis"].versions["1"].operations["PlaceOrder"]
    sent = _sample(operation, "request", {"order_no": "7", "sex": "M", "more": 1})
    assert isinstance(sent, etree._Element)
    assert sent.tag == "{urn:w}Call"
    assert sent[0].text == "1001"
    assert sent[1].text is not None
    assert "<no>7</no>" in sent[1].text
    assert 'at="H1"' in sent[1].text
    reply = etree.fromstring("<Answer xmlns='urn:w'><CallResult>&lt;r>&lt;no>8&lt;/no>&lt;/r></CallResult></Answer>")
    assert _sample(operation, "reply", reply) == {"no": "8"}


def test_a_step_that_meets_the_other_form_says_which_step() -> None:
    operation = operation_of("- {name: A, request: [{jq: .}]}")
    with pytest.raises(MappingFailed, match="jq takes JSON and was given XML"):
        operation.request[0](etree.Element("x"))
