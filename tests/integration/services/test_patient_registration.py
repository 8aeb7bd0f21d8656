"""A WS/T 846 patient in a GBK string parameter becomes a FHIR patient, and is found by either form of the number."""

from __future__ import annotations

import base64
import http.cookiejar
import os
import re
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from bus_process import RunningBus, meridian, running_bus

from services.simulators.envelope import open_envelope, parse, payload
from services.simulators.ledger import Ledger
from services.simulators.registration_notice import Registered, patient_info_register

pytestmark = pytest.mark.integration

V3 = "{urn:hl7-org:v3}"
OLD, NEW = "110105491231002", "11010519491231002X"
PATIENT = Registered("P0001", OLD, "张镕珅", "2", "19491231", "19900000000")
MESSAGE_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("emr") / "ledger.db"


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory, books: Path) -> Iterator[RunningBus]:
    token = "invented-for-this-test"
    command = [sys.executable, "-m", "services.simulators", "emr", "--ledger", str(books), "--parent", str(os.getpid())]
    emr = subprocess.Popen(command, stdout=subprocess.PIPE, env=os.environ | {"EMR_TOKEN": token})
    try:
        assert emr.stdout is not None
        port = orjson.loads(emr.stdout.readline())["port"]
        folder = tmp_path_factory.mktemp("bus")
        with running_bus(folder, {"EMR_URL": f"http://127.0.0.1:{port}"}, {"EMR_TOKEN": token}) as running:
            yield running
    finally:
        emr.terminate()
        emr.communicate(timeout=20)


def send(
    bus: RunningBus,
    document: str,
    *,
    namespace: str = "http://tempuri.org/",
    soap: str = "http://schemas.xmlsoap.org/soap/envelope/",
    charset: str = "gbk",
    action: str = "PatientInfoRegister",
    qualified: bool = True,
) -> tuple[int, bytes]:
    """Call HIPMessageServer as a HIS does."""
    blank = "" if qualified else ' xmlns=""'
    text = (
        f'<s:Envelope xmlns:s="{soap}"><s:Body><HIPMessageServer xmlns="{namespace}"><action{blank}>{action}</action>'
        f"<message{blank}><![CDATA[{document}]]></message></HIPMessageServer></s:Body></s:Envelope>"
    )
    login = base64.b64encode(f"his:{bus.secrets['HIS_BUS_PASSWORD']}".encode()).decode()
    kind = "application/soap+xml" if "2003" in soap else "text/xml"
    headers = {"Content-Type": f"{kind}; charset={charset}", "Authorization": f"Basic {login}"}
    request = urllib.request.Request(f"{bus.url}/soap/hip", data=text.encode(charset), headers=headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def patients(books: Path) -> dict[str, dict[str, object]]:
    ledger = Ledger(books, read_only=True)
    found = {entry.ref: dict(entry.facts) for entry in ledger.entries() if entry.kind == "patient"}
    ledger.close()
    return found


def test_a_gbk_document_with_a_wrong_prolog_registers_the_patient_and_is_acknowledged_in_the_callers_style(
    bus: RunningBus, books: Path
) -> None:
    prolog = '<?xml version="1.0" encoding="utf-16"?>'
    status, body = send(bus, prolog + patient_info_register(PATIENT, MESSAGE_ID))
    assert status == 200, body
    result = payload(open_envelope(body, "gbk"))
    assert result.tag == "{http://tempuri.org/}HIPMessageServerResponse"
    acknowledgement = parse(result.findtext("{http://tempuri.org/}HIPMessageServerResult", ""))
    assert acknowledgement.tag == f"{V3}MCCI_IN000002UV01"
    assert acknowledgement.find(f"{V3}acknowledgement").get("typeCode") == "AA"  # type: ignore[union-attr]
    target = acknowledgement.find(f"{V3}acknowledgement/{V3}targetMessage/{V3}id")
    assert target is not None
    assert target.get("extension") == MESSAGE_ID
    assert patients(books)["P0001"] == {"identifier": OLD, "name": "张镕珅"}


def test_the_standards_own_namespace_in_soap_12_is_answered_in_kind(bus: RunningBus, books: Path) -> None:
    status, body = send(
        bus,
        patient_info_register(replace(PATIENT, patient_id="P0002", name='𠮷"小\\东&')),
        namespace="urn:hl7-org:v3",
        soap="http://www.w3.org/2003/05/soap-envelope",
        charset="utf-8",
        action="S0001",
        qualified=False,
    )
    assert status == 200, body
    text = body.decode()
    assert "http://www.w3.org/2003/05/soap-envelope" in text
    assert re.search(r"<(\w+:)?HIPMessageServerResponse[^>]*urn:hl7-org:v3", text)
    assert patients(books)["P0002"]["name"] == '𠮷"小\\东&'


def test_a_document_that_breaks_its_profile_is_refused_and_reaches_nobody(bus: RunningBus, books: Path) -> None:
    broken = patient_info_register(replace(PATIENT, patient_id="P0003")).replace("<birthTime", "<deathTime")
    status, body = send(bus, broken)
    assert status == 200
    text = body.decode("gbk")
    assert '<acknowledgement typeCode="AR">' in text
    assert "报文不符合契约" in text
    assert "deathTime" in text
    assert OLD not in text
    assert "P0003" not in patients(books)


def test_another_service_of_the_platform_is_not_taken_for_a_registration(bus: RunningBus, books: Path) -> None:
    document = patient_info_register(replace(PATIENT, patient_id="P0004"))
    status, body = send(bus, document, action="EncounterCardInfoAdd")
    assert status == 200
    assert '<acknowledgement typeCode="AR">' in body.decode("gbk")
    assert "EncounterCardInfoAdd is known here, and no operation serves it" in body.decode("gbk")
    assert "P0004" not in patients(books)


def test_the_console_finds_the_registration_by_the_old_and_by_the_new_form_of_the_number(bus: RunningBus) -> None:
    send(bus, patient_info_register(PATIENT, MESSAGE_ID))
    environ = os.environ | dict(bus.secrets) | {"MERIDIAN_DATA": str(bus.data), "MERIDIAN_PUBLIC_URL": bus.url}
    command = meridian("user", "add", "reader", "--role", "admin", "--link")
    link = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout.strip()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    home = browser.open(link, timeout=10).read().decode()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', home)
    assert token is not None
    for number in (OLD, NEW, NEW.lower()):
        form = urllib.parse.urlencode({"csrf_token": token.group(1), "text": number}).encode()
        page = browser.open(urllib.request.Request(f"{bus.url}/find", data=form), timeout=10)
        assert number not in page.url
        assert "PatientInfoRegister" in page.read().decode()
    form = urllib.parse.urlencode({"csrf_token": token.group(1), "text": "110105491231004"}).encode()
    nothing = browser.open(urllib.request.Request(f"{bus.url}/find", data=form), timeout=10)
    assert "PatientInfoRegister" not in nothing.read().decode()
