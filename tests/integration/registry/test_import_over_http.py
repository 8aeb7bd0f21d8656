"""``meridian import`` from a server: imports relative to the address, and nothing from anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from loopback import QuietHandler, serving

from bus.cli import meridian
from bus.commands.import_sources import LARGEST

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
LIS = ROOT / "services" / "systems" / "lis" / "contracts"
DESCRIPTIONS = ROOT / "tests" / "descriptions"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, dict[str, Any]]]:
    """A server's address, and what it answers by path with query: bytes, a redirect's target, or a status."""
    monkeypatch.setenv("MERIDIAN_DATA", str(tmp_path / "data"))
    pages: dict[str, Any] = {}

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path, 404)
            self.send_response(302 if isinstance(page, str) else page if isinstance(page, int) else 200)
            if isinstance(page, str):
                self.send_header("Location", page)
            body = page if isinstance(page, bytes) else b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    with serving(Handler) as url:
        yield url, pages


def run(*arguments: object) -> Result:
    return CliRunner().invoke(meridian, ["import", *map(str, arguments)])


def test_a_wsdl_and_its_schemas_come_from_the_server_and_lie_beside_each_other(
    served: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    url, pages = served
    wsdl = (LIS / "lis.wsdl").read_bytes().replace(b'schemaLocation="lis.xsd"', b'schemaLocation="Lis.asmx?xsd=xsd0"')
    pages.update({"/his/Lis.asmx?WSDL": wsdl, "/his/Lis.asmx?xsd=xsd0": (LIS / "lis.xsd").read_bytes()})
    result = run("wsdl", f"{url}/his/Lis.asmx?WSDL", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert sorted(each.name for each in (tmp_path / "out" / "contracts").iterdir()) == ["Lis.wsdl", "xsd0.xsd"]
    dry = CliRunner().invoke(meridian, ["apply", "-f", str(tmp_path / "out"), "--dry-run"])
    assert dry.exit_code == 0, dry.output


def test_an_openapi_file_brings_what_it_refers_to_and_its_relative_server(
    served: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    url, pages = served
    main = (DESCRIPTIONS / "clinic.yaml").read_bytes().replace(b"https://{site}.clinic.example/api/v2", b"/api/v2")
    pages.update(
        {"/docs/clinic.yaml": main, "/docs/clinic-errors.yaml": (DESCRIPTIONS / "clinic-errors.yaml").read_bytes()}
    )
    result = run("openapi", f"{url}/docs/clinic.yaml", "-o", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert f"{url}/api/v2" in (tmp_path / "out" / "manifest.yaml").read_text()
    dry = CliRunner().invoke(meridian, ["apply", "-f", str(tmp_path / "out"), "--dry-run"])
    assert dry.exit_code == 0, dry.output


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("file:///etc/passwd", "is not allowed"),
        ("http://elsewhere.example/x.wsdl", "--allow-host elsewhere.example"),
        (404, "cannot be fetched"),
        (500, "cannot be fetched"),
        (b" " * (LARGEST + 1), "is larger than 16 MiB"),
    ],
)
def test_what_a_server_should_not_answer_is_refused_and_nothing_is_written(
    served: tuple[str, dict[str, Any]], tmp_path: Path, page: Any, says: str
) -> None:
    url, pages = served
    pages["/x.wsdl"] = page
    result = run("wsdl", f"{url}/x.wsdl", "-o", tmp_path / "out")
    assert says in f"{result.exception} {result.output}"
    assert not (tmp_path / "out").exists()


def test_a_contract_from_the_network_may_not_name_files_of_this_machine(
    served: tuple[str, dict[str, Any]], tmp_path: Path
) -> None:
    url, pages = served
    location = f'schemaLocation="file://{LIS}/lis.xsd"'.encode()
    pages["/x.wsdl"] = (LIS / "lis.wsdl").read_bytes().replace(b'schemaLocation="lis.xsd"', location)
    result = run("wsdl", f"{url}/x.wsdl", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "may not name files of this machine" in result.output
