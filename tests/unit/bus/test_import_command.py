"""``meridian import``: contracts from files become folders that ``apply`` takes as they are."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from outside import samples

from bus.cli import meridian
from bus.commands.import_manifest import guess_effect, provider_url, service_name
from bus.errors import BusError
from registry.compile import compile_catalogue
from registry.model import Snapshot
from registry.source import read_folder

ROOT = Path(__file__).parents[3]
CLINIC = ROOT / "tests" / "descriptions" / "clinic.yaml"
LIS = ROOT / "services" / "systems" / "lis" / "contracts" / "lis.wsdl"


@pytest.fixture(autouse=True)
def _data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MERIDIAN_DATA", str(tmp_path / "data"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(meridian, ["import", *map(str, arguments)])


def applied(folder: Path) -> Snapshot:
    """The snapshot of a written folder, after ``apply --dry-run`` has taken it."""
    dry = CliRunner().invoke(meridian, ["apply", "-f", str(folder), "--dry-run"])
    assert dry.exit_code == 0, dry.output
    return compile_catalogue(read_folder(folder), {}, require_environment=False).snapshot


def test_a_wsdl_becomes_a_folder_that_apply_takes_as_it_is(tmp_path: Path) -> None:
    result = run("wsdl", LIS, "-o", tmp_path / "lis", "--name", "lis")
    assert result.exit_code == 0, result.output
    version = applied(tmp_path / "lis").services["lis"].versions["1"]
    assert {name: each.effect for name, each in version.operations.items()} == {
        "PlaceOrder": "write",
        "CancelOrder": "write",
        "QueryOrder": "read",
    }
    assert sorted(each.name for each in (tmp_path / "lis" / "contracts").iterdir()) == ["lis.wsdl", "lis.xsd"]
    assert "QueryOrder  read (guess)  document/literal soap11" in result.output
    manifest = (tmp_path / "lis" / "manifest.yaml").read_text()
    assert "effect: read    # guess: it is called Query" in manifest


def test_an_openapi_file_becomes_a_folder_that_apply_takes_as_it_is(tmp_path: Path) -> None:
    result = run("openapi", CLINIC, "-o", tmp_path / "clinic")
    assert result.exit_code == 0, result.output
    version = applied(tmp_path / "clinic").services["clinic-appointments"].versions["1"]
    assert version.provider is not None
    assert version.provider.endpoints[0].url == "https://main.clinic.example/api/v2"
    assert len(version.operations) == 5
    assert version.operations["findAppointments"].request_check is not None
    for said in (
        "POST /photos: it takes multipart/form-data, and the bus sends JSON",
        "book_appointment  write  POST /appointments  (id in the query is query_id)",
        "(the body is body)",
        "uniqueItems without maxItems is not checked",
    ):
        assert said in result.output


def test_a_manifest_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    assert run("wsdl", LIS, "-o", tmp_path / "lis").exit_code == 0
    (tmp_path / "lis" / "manifest.yaml").write_text("# mine\n")
    again = run("wsdl", LIS, "-o", tmp_path / "lis")
    assert isinstance(again.exception, BusError)
    assert "--force" in str(again.exception)
    assert (tmp_path / "lis" / "manifest.yaml").read_text() == "# mine\n"
    assert run("wsdl", LIS, "-o", tmp_path / "lis", "--force").exit_code == 0


def test_an_existing_system_is_used_and_not_written_again(tmp_path: Path) -> None:
    run("wsdl", LIS, "-o", tmp_path / "lis", "--system", "laboratory")
    written = list(yaml.safe_load_all((tmp_path / "lis" / "manifest.yaml").read_text()))
    assert [(each["kind"], each.get("system")) for each in written] == [("Service", "laboratory")]


def test_imports_outside_of_the_files_folder_need_to_be_allowed(tmp_path: Path) -> None:
    (tmp_path / "wsdl").mkdir()
    text = LIS.read_text().replace('schemaLocation="lis.xsd"', 'schemaLocation="../lis.xsd"')
    (tmp_path / "wsdl" / "lis.wsdl").write_text(text)
    shutil.copy(LIS.with_name("lis.xsd"), tmp_path / "lis.xsd")
    refused = run("wsdl", tmp_path / "wsdl" / "lis.wsdl", "-o", tmp_path / "out")
    assert refused.exit_code == 1
    assert "allow it with --root" in refused.output
    assert not (tmp_path / "out").exists()
    allowed = run("wsdl", tmp_path / "wsdl" / "lis.wsdl", "-o", tmp_path / "out", "--root", tmp_path)
    assert allowed.exit_code == 0, allowed.output
    applied(tmp_path / "out")


def test_a_contract_may_not_send_the_command_to_the_network_unasked(tmp_path: Path) -> None:
    text = LIS.read_text().replace('schemaLocation="lis.xsd"', 'schemaLocation="http://elsewhere.example/lis.xsd"')
    (tmp_path / "lis.wsdl").write_text(text)
    result = run("wsdl", tmp_path / "lis.wsdl", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "allow it with --allow-host elsewhere.example" in result.output


def test_an_old_charset_is_kept_in_mind_and_written_as_utf_8(tmp_path: Path) -> None:
    text = LIS.read_text().replace("<wsdl:definitions", "<!-- 检验接口 --><wsdl:definitions", 1)
    text = text.replace('encoding="UTF-8"', 'encoding="GBK"')
    assert "检验接口" in text or "<definitions" in text
    (tmp_path / "lis.wsdl").write_bytes(text.encode("gbk"))
    shutil.copy(LIS.with_name("lis.xsd"), tmp_path)
    result = run("wsdl", tmp_path / "lis.wsdl", "-o", tmp_path / "out", "--name", "lis")
    assert result.exit_code == 0, result.output
    provider = applied(tmp_path / "out").services["lis"].versions["1"].provider
    assert provider is not None
    assert provider.charset.startswith("gb")


@pytest.mark.parametrize("kind", ["wsdl", "openapi"])
def test_what_is_no_contract_is_refused_with_a_reason_and_nothing_is_written(kind: str, tmp_path: Path) -> None:
    for content in (b"", b"<a/>", b"\x00\xff", b"{}", b"just text", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'):
        (tmp_path / "x").write_bytes(content)
        result = run(kind, tmp_path / "x", "-o", tmp_path / "out")
        assert result.exit_code == 1
        assert result.exception is None or isinstance(result.exception, (SystemExit, BusError)), result.exception
        assert not (tmp_path / "out").exists()
    missing = run(kind, tmp_path / "none", "-o", tmp_path / "out")
    assert "cannot be read" in str(missing.exception)


def test_effects_are_guessed_by_the_verb_that_a_name_begins_with() -> None:
    for name in ("GetOrder", "queryPatient", "find_all", "IsAlive", "LIST", "查询费用"):
        assert guess_effect(name)[0] == "read", name
    for name in ("PlaceOrder", "Getaway", "Issue", "SetName", "HasteOrder", "ListenTo"):
        assert guess_effect(name)[0] == "write", name


def test_addresses_and_names_are_made_fit_for_a_manifest() -> None:
    assert provider_url("http://u:p@h/x?y=1")[0] == "http://h/x"
    assert provider_url("net.tcp://h/x")[0] == "http://provider.invalid"
    assert service_name("StockQuoteService") == "stock-quote-service"
    assert service_name("《检验》") == "service"


def test_the_published_wsdls_are_taken_or_refused_with_a_precise_reason(tmp_path: Path) -> None:
    refused = {"http.wsdl": "bound to HTTP form or query", "soap_import_2.wsdl": "binds no operation to SOAP"}
    for path in sorted(samples("wsdl").glob("*.wsdl")):
        result = run("wsdl", path, "-o", tmp_path / path.stem)
        if path.name in refused:
            assert refused[path.name] in result.output
        else:
            assert result.exit_code == 0, f"{path.name}: {result.output}"
            applied(tmp_path / path.stem)
