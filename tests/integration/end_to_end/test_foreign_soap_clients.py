"""PHP's SoapClient and zeep, unmodified, call what they know only from the bus's own WSDL."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import zeep
from lxml import etree
from php_laboratory import Laboratory
from served_bus import PASSWORD, ServedBus
from stock_provider import Stores, stores_open
from zeep.transports import Transport

pytestmark = pytest.mark.integration

MERIDIAN = "{urn:meridian:2026}"
#: The stores once more, for callers of SOAP 1.2 alone.
MODERN = """
kind: Service
name: modern
system: stores
faces: [soap12]
versions:
  - version: "1"
    provider: {protocol: rest, endpoints: [{url: "${STOCK_URL}"}]}
    policy: {retries: 0}
    operations:
      - name: Find
        effect: read
        call: {method: POST, path: /find}
        checks: {request: {json_schema: contracts/find.json}, reply: {json_schema: contracts/found.json}}
      - name: Book
        call: {method: POST, path: /book}
        checks: {request: {json_schema: contracts/book.json}, reply: {json_schema: contracts/booked.json}}
---
kind: Consumer
name: modern
credentials: [{kind: basic, username: modern, secret: "${WARD_PASSWORD}"}]
grants: [{service: modern, operations: ["*"]}]
"""
#: Calls (service, operation, arguments, login) and answers ``answer`` or ``fault``, ``reason`` and ``code``.
Call = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def open_stores() -> Iterator[Stores]:
    with stores_open() as found:
        yield found


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, laboratory: Laboratory, open_stores: Stores
) -> Iterator[ServedBus]:
    environ = {"LAB_URL": laboratory.url, "STOCK_URL": open_stores.url}
    found = ServedBus(tmp_path_factory.mktemp("served"), environ)
    (found.catalogue / "modern.yaml").write_text(MODERN)
    yield found.start()
    found.stop()


def by_php(laboratory: Laboratory, bus: ServedBus) -> Call:
    def call(
        service: str, operation: str, arguments: Any, login: str = "ward", password: str = PASSWORD, wsdl: bool = True
    ) -> dict[str, Any]:
        address = f"{bus.url}/soap/{service}"
        script = str(Path(__file__).with_name("soap_client.php"))
        contract = f"{address}?wsdl" if wsdl else "-"
        command = [laboratory.php, script, contract, address, login, password, operation, json.dumps(arguments)]
        command.append("2" if service == "modern" else "1")
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        if "fault" in told:
            told["code"] = ((told["detail"] or {}).get("problem") or {}).get("code")
        return told

    return call


def by_zeep(laboratory: Laboratory, bus: ServedBus) -> Call:
    def call(
        service: str, operation: str, arguments: Any, login: str = "ward", password: str = PASSWORD
    ) -> dict[str, Any]:
        with requests.Session() as session:
            session.auth = (login, password)
            client = zeep.Client(f"{bus.url}/soap/{service}?wsdl", transport=Transport(session=session, timeout=30))
            try:
                answer = client.service[operation](**arguments)
            except zeep.exceptions.Fault as fault:
                code = None if fault.detail is None else fault.detail.findtext(f".//{MERIDIAN}code")
                return {"fault": fault.code, "reason": fault.message, "code": code}
            return {"answer": json.loads(json.dumps(zeep.helpers.serialize_object(answer, dict), default=str))}

    return call


@pytest.fixture(params=[by_php, by_zeep], ids=["php", "zeep"])
def call(request: pytest.FixtureRequest, laboratory: Laboratory, served: ServedBus) -> Call:
    """The client under test."""
    made: Call = request.param(laboratory, served)
    return made


def listed(value: Any) -> list[Any]:
    """What a client that saw no element gives is an empty list here."""
    return value or []


class TestPassedThrough:
    """A SOAP provider behind the WSDL it was written for."""

    def test_the_published_contract_leads_to_the_bus_and_nowhere_else(self, served: ServedBus) -> None:
        wsdl = etree.fromstring(requests.get(f"{served.url}/soap/lab?wsdl", timeout=20).content)
        places = [
            value for element in wsdl.iter("{*}*") for name, value in element.attrib.items()
            if name in ("location", "schemaLocation")
        ]  # fmt: skip
        assert len(places) == 2
        assert all(place.startswith(f"{served.url}/soap/lab/1") for place in places)
        schema = next(place for place in places if "xsd" in place)
        assert etree.fromstring(requests.get(schema, timeout=20).content).get("targetNamespace") == "urn:example:lab"

    @pytest.mark.parametrize("count", [0, 1, 3])
    def test_lists_of_any_length_and_every_character_come_back(self, call: Call, count: int) -> None:
        items = [{"code": f"C{number}", "name": f"血常规 𠮷 & <{number}>"} for number in range(count)]
        told = call("lab", "PlaceOrder", {"visitNo": "V1", "item": items})
        assert told["answer"]["orderNo"] == "LV1"
        assert told["answer"]["note"] == "已受理 𠮷"
        assert listed(told["answer"].get("item")) == items

    def test_the_providers_own_fault_arrives_with_its_words(self, call: Call) -> None:
        told = call("lab", "PlaceOrder", {"visitNo": "V2", "item": [{"code": "UNKNOWN", "name": "?"}]})
        assert told["fault"].endswith("Client")
        assert told["reason"] == "没有该检验项目"
        assert told["code"] == "provider-fault"


class TestGenerated:
    """A REST provider behind a WSDL that the registry wrote from JSON Schemas."""

    @pytest.mark.parametrize(
        ("text", "names"),
        [("nothing", []), ("麻醉", ["吗啡注射液 𠮷"]), ("", ["一次性注射器", "吗啡注射液 𠮷", "纱布"])],
    )
    def test_lists_of_any_length_and_every_character_come_back(self, call: Call, text: str, names: list[str]) -> None:
        told = call("stock", "Find", {"text": text})
        assert told["answer"]["total"] == len(names)
        assert [item["name"] for item in listed(told["answer"].get("items"))] == names

    def test_numbers_flags_and_inner_lists_keep_their_types(self, call: Call) -> None:
        (item,) = call("stock", "Find", {"text": "注射器"})["answer"]["items"]
        assert (item["code"], item["price"], item["controlled"]) == ("A1", 1.5, False)
        assert item["tags"] == ["耗材", "无菌"]

    def test_a_refusal_of_the_rest_provider_becomes_a_fault(self, call: Call, open_stores: Stores) -> None:
        open_stores.refuse = True
        try:
            told = call("stock", "Book", {"booking_no": "B1"})
        finally:
            open_stores.refuse = False
        assert (told["fault"].rpartition(":")[2], told["code"]) == ("Client", "provider-fault")
        assert told["reason"].endswith("库存不足")

    def test_an_answer_that_is_no_json_becomes_a_fault_that_blames_the_provider(
        self, call: Call, open_stores: Stores
    ) -> None:
        open_stores.lie = True
        try:
            told = call("stock", "Find", {"text": "x"})
        finally:
            open_stores.lie = False
        assert (told["fault"].rpartition(":")[2], told["code"]) == ("Server", "provider-lied")

    def test_an_accepted_message_is_acknowledged_with_its_ids(self, call: Call, open_stores: Stores) -> None:
        answer = call("stock", "Announce", {"booking_no": "B2"})["answer"]
        assert len(answer["messageId"]) == 32
        assert len(answer["flowId"]) == 32


class TestSoap12:
    """The same provider for callers that speak SOAP 1.2, as the WSDL written for it binds it."""

    def test_a_call_comes_back_with_its_types(self, call: Call) -> None:
        answer = call("modern", "Find", {"text": "麻醉"}, login="modern")["answer"]
        assert [(item["name"], item["price"], item["tags"]) for item in answer["items"]] == [
            ("吗啡注射液 𠮷", 12.25, ["麻醉"])
        ]

    def test_a_refusal_is_a_fault_in_the_words_of_soap_12(self, call: Call, open_stores: Stores) -> None:
        open_stores.refuse = True
        try:
            told = call("modern", "Book", {"booking_no": "B1"}, login="modern")
        finally:
            open_stores.refuse = False
        assert (told["fault"].rpartition(":")[2], told["code"]) == ("Sender", "provider-fault")


class TestRefused:
    """What clients are told when the call cannot be made."""

    def test_a_wrong_password_is_a_fault_of_its_own(self, call: Call) -> None:
        told = call("lab", "CancelOrder", {"orderNo": "L1"}, password="wrong")
        assert told["code"] == "not-authenticated"

    def test_a_caller_without_a_grant_is_told_so(self, call: Call) -> None:
        told = call("lab", "CancelOrder", {"orderNo": "L1"}, login="visitor")
        assert told["code"] == "not-permitted"

    def test_an_unknown_operation_is_named_as_unknown(self, laboratory: Laboratory, served: ServedBus) -> None:
        told = by_php(laboratory, served)("lab", "Nothing", {"orderNo": "L1"}, wsdl=False)
        assert told["code"] == "unknown-operation"

    def test_a_provider_that_is_down_is_named_as_unreachable(self, call: Call, laboratory: Laboratory) -> None:
        laboratory.stop()
        try:
            told = call("lab", "CancelOrder", {"orderNo": "L1"})
        finally:
            laboratory.start()
        assert (told["fault"].rpartition(":")[2], told["code"]) == ("Server", "provider-unreachable")
