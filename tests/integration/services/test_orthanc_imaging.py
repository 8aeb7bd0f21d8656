"""A PACS nobody here wrote, asked over typed SOAP by a client nobody here wrote."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bus_process import RunningBus, running_bus
from orthanc import Orthanc
from outside import absent
from ports import free_port
from pydicom.data import get_charset_files
from slow_proxy import SlowProxy

from services.simulators.dicom import instance

pytestmark = pytest.mark.integration

SCRIPT = Path(__file__).with_name("find_studies.php")
PASSWORD = "invented-for-this-test"
RARE = {"modality": "CT", "patient_id": "RARE-1", "patient_name": "𠮷^镕珅", "procedure_name": "胸部CT平扫“增强”"}

Find = Callable[[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def pacs_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with pydicom's own test images and one of ours."""
    folder = tmp_path_factory.mktemp("orthanc")
    server = Orthanc(folder, free_port(), PASSWORD).start()
    try:
        for name in ("chrX1.dcm", "chrX2.dcm", "chrH31.dcm", "chrI2.dcm", "chrKoreanMulti.dcm"):
            server.store(Path(get_charset_files(name)[0]).read_bytes())
        server.store(instance("XRARE0000000001", RARE))
    finally:
        server.stop()
    return folder


@pytest.fixture(scope="class")
def orthanc(archive: Path, pacs_port: int) -> Iterator[Orthanc]:
    server = Orthanc(archive, pacs_port, PASSWORD).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory, pacs_port: int) -> Iterator[RunningBus]:
    with running_bus(
        tmp_path_factory.mktemp("bus"), {"PACS_URL": f"http://127.0.0.1:{pacs_port}"}, {"PACS_PASSWORD": PASSWORD}
    ) as running:
        yield running


@pytest.fixture
def find(bus: RunningBus) -> Find:
    """The unmodified PHP SoapClient, as a function."""
    php = shutil.which("php")
    if php is None or "soap" not in subprocess.run([php, "-m"], capture_output=True, text=True).stdout:
        absent("PHP with SOAP (packages php-cli, php-soap)")

    def call(field: str, value: str) -> dict[str, Any]:
        login = ("workstation", bus.secrets["WORKSTATION_PASSWORD"])
        command = [php, str(SCRIPT), f"{bus.url}/soap/imaging?wsdl", *login, field, value]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return call


@pytest.mark.usefixtures("orthanc")
class TestWithOrthancUp:
    """What the caller gets while the archive answers."""

    @pytest.mark.parametrize(
        ("patient_id", "name"),
        [
            ("X1EXAMPLE", {"alphabetic": "Wang^XiaoDong", "ideographic": "王^小東"}),
            ("X2EXAMPLE", {"alphabetic": "Wang^XiaoDong", "ideographic": "王^小东"}),
            ("H31EXAMPLE", {"alphabetic": "Yamada^Tarou", "ideographic": "山田^太郎", "phonetic": "やまだ^たろう"}),
            ("I2EXAMPLE", {"alphabetic": "Hong^Gildong", "ideographic": "洪^吉洞", "phonetic": "홍^길동"}),
            ("RARE-1", {"alphabetic": "PATIENT", "ideographic": "𠮷^镕珅"}),
        ],
    )
    def test_php_finds_a_study_by_patient_id_with_every_character_of_the_name(
        self, find: Find, patient_id: str, name: dict[str, str]
    ) -> None:
        answer = find("patientId", patient_id)
        assert "fault" not in answer, answer
        (study,) = answer["study"]
        assert study["patientName"] == name
        assert study["patientId"] == patient_id

    def test_php_finds_a_study_by_accession_number_with_modality_and_description(self, find: Find) -> None:
        (study,) = find("accessionNumber", "XRARE0000000001")["study"]
        assert study["modality"] == ["CT"]
        assert study["description"] == "胸部CT平扫“增强”"
        (published,) = find("accessionNumber", "2008050417172310")["study"]
        assert published["accessionNumber"] == "2008050417172310"

    def test_an_accession_number_that_nobody_has_gives_an_empty_answer(self, find: Find) -> None:
        assert find("accessionNumber", "NOTHING").get("study", []) == []


def test_an_overlong_accession_number_is_refused_before_the_pacs_is_asked(find: Find) -> None:
    answer = find("accessionNumber", "X" * 17)
    assert answer["problem"]["code"] == "contract"


def test_a_stopped_pacs_is_a_fault_that_says_it_cannot_be_reached(find: Find) -> None:
    answer = find("patientId", "X1EXAMPLE")
    assert answer["problem"]["code"] == "provider-unreachable"


def test_a_pacs_that_refuses_our_login_is_a_fault_that_says_whose_credential_is_wrong(
    archive: Path, pacs_port: int, find: Find
) -> None:
    server = Orthanc(archive, pacs_port, "another-password").start()
    try:
        answer = find("patientId", "X1EXAMPLE")
    finally:
        server.stop()
    assert answer["problem"]["code"] == "provider-refused-us"


def test_a_slow_pacs_is_a_fault_that_says_it_did_not_answer_in_time(archive: Path, pacs_port: int, find: Find) -> None:
    behind = free_port()
    server = Orthanc(archive, behind, PASSWORD).start()
    try:
        with SlowProxy(pacs_port, behind, delay=30):
            answer = find("patientId", "X1EXAMPLE")
    finally:
        server.stop()
    assert answer["problem"]["code"] == "provider-timeout"
