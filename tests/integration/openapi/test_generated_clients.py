"""Clients that unmodified generators write from what the bus publishes, calling the served bus."""

from __future__ import annotations

import compileall
import importlib
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests
import zeep
from clinic_provider import Clinic, clinic_open
from served_bus import KEY, PASSWORD, ServedBus

pytestmark = pytest.mark.integration

HERE = Path(__file__).parent
DESCRIPTIONS = HERE.parents[1] / "descriptions"


@pytest.fixture(scope="module")
def clinic() -> Iterator[Clinic]:
    with clinic_open() as found:
        yield found


@pytest.fixture(scope="module")
def bus(clinic: Clinic, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedBus]:
    found = ServedBus(tmp_path_factory.mktemp("bus"), {"CLINIC_URL": clinic.url}, HERE / "hospital")
    for path in DESCRIPTIONS.iterdir():
        (found.catalogue / "contracts" / path.name).write_bytes(path.read_bytes())
    found.start()
    yield found
    found.stop()


def generated(bus: ServedBus, service: str, folder: Path) -> ModuleType:
    """The Python client that openapi-python-client writes from the published description, compiled and imported."""
    done = subprocess.run(
        [
            *(Path(sys.executable).with_name("openapi-python-client"), "generate", "--meta", "none"),
            *("--fail-on-warning", "--url", f"{bus.url}/rest/{service}/v/1/openapi.json"),
            *("--output-path", folder / f"{service}_client"),
        ],
        capture_output=True,
        text=True,
        timeout=90,
        env={"PATH": str(Path(sys.executable).parent), "HOME": str(folder)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert compileall.compile_dir(folder / f"{service}_client", quiet=1)
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module(f"{service}_client")
    finally:
        sys.path.remove(str(folder))


def part(module: ModuleType, path: str) -> Any:
    return importlib.import_module(f"{module.__name__}.{path}")


def keyed(module: ModuleType, bus: ServedBus, service: str) -> Any:
    return module.AuthenticatedClient(
        f"{bus.url}/rest/{service}/v/1", token=KEY, prefix="", auth_header_name="X-API-Key"
    )


@pytest.fixture(scope="module")
def client(bus: ServedBus, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    return generated(bus, "clinic", tmp_path_factory.mktemp("clinic"))


def test_a_generated_client_calls_a_rest_provider_with_every_kind_of_parameter(
    client: ModuleType, bus: ServedBus, clinic: Clinic
) -> None:
    find = part(client, "api.appointments.find_appointments")
    status = part(client, "models.status").Status
    with keyed(client, bus, "clinic") as session:
        found = find.sync(
            client=session, days=3, status=[status.BOOKED, status.DONE], room=[4, 5], x_request_source="w7"
        )
    assert [each.number for each in found] == [7, 7]
    method, path, source, body = clinic.asked[-1]
    assert (method, source, body) == ("GET", "w7", None)
    assert path == "/api/appointments?days=3&status=booked&status=done&room=4,5"


def test_a_generated_client_sends_a_body_and_reads_the_typed_reply(
    client: ModuleType, bus: ServedBus, clinic: Clinic
) -> None:
    book = part(client, "api.appointments.book_appointment")
    models = part(client, "models")
    day = date(2026, 11, 24)
    with keyed(client, bus, "clinic") as session:
        reply = book.sync(client=session, id=44, body=models.NewAppointment(id="P0001", day=day, urgent=True))
    assert (reply.number, reply.status.value, reply.fee) == (7, "booked", 5.6)
    assert clinic.asked[-1][1:] == (
        "/api/appointments?id=44",
        "",
        {"id": "P0001", "day": "2026-11-24", "urgent": True},
    )


def test_a_generated_client_reads_the_problem_with_the_providers_own_document(
    client: ModuleType, bus: ServedBus
) -> None:
    get = part(client, "api.patients.get_patient")
    with keyed(client, bus, "clinic") as session:
        problem = get.sync(client=session, patient_id="P0404")
    assert (problem.status, problem.code) == (404, "provider-fault")
    assert problem.provider.detail.because[0].text == "查无此人"


def test_a_generated_client_calls_a_soap_provider_that_it_knows_nothing_of(
    bus: ServedBus, clinic: Clinic, tmp_path: Path
) -> None:
    module = generated(bus, "lis", tmp_path)
    models = part(module, "models")
    patient = models.Patient(patient_id="P0001", name="张三", sex=models.PatientSex("1"), birth_date="1990-01-01")
    item = models.PlaceOrderRequestItemsItemItem(item_code="GLU", item_name="葡萄糖")
    items = models.PlaceOrderRequestItems(item=[item])
    body = models.PlaceOrderRequest(order_no="7", visit_no="V1", patient=patient, items=items)
    with keyed(module, bus, "lis") as session:
        reply = part(module, "api.lis.place_order").sync(client=session, body=body)
    assert (reply.order_no, reply.status, reply.barcode) == ("7", "已受理", "0042")
    assert "<itemName>葡萄糖</itemName>" in clinic.asked[-1][3].decode()


def test_a_soap_client_calls_the_rest_provider_by_the_published_wsdl(bus: ServedBus, clinic: Clinic) -> None:
    with requests.Session() as session:
        session.auth = ("ward", PASSWORD)
        wsdl = f"{bus.url}/soap/clinic/1?wsdl"
        caller = zeep.Client(wsdl, transport=zeep.Transport(session=session, operation_timeout=20))
        found = caller.service.findAppointments(days=3, status=["booked"], room=[4, 5])
        noted = caller.service.postAppointmentsIdNotes(id=12, body=["a", "b"])
    assert [each.number for each in found] == [7, 7]
    assert clinic.asked[-2][1].startswith("/api/appointments?days=3&status=booked&room=4,5")
    assert clinic.asked[-1] == ("POST", "/api/appointments/12/notes", "", ["a", "b"])
    assert noted == 2


def test_a_parameter_of_the_wrong_type_is_named_to_a_caller_with_plain_http(bus: ServedBus) -> None:
    answer = requests.get(
        f"{bus.url}/rest/clinic/appointments", {"days": "soon"}, headers={"X-API-Key": KEY}, timeout=20
    )
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["violations"] == [{"path": "/days", "message": "must be an integer (in the query)"}]
