"""``meridian call``, ``meridian snippet`` and saved cases, against a served bus."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from outside import absent
from served_bus import KEY, ServedBus

from bus.commands.call import snippet_command

pytestmark = pytest.mark.integration


def meridian(bus: ServedBus, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command beside the server as the ward."""
    return subprocess.run(
        [sys.executable, "-c", "from bus.cli import main; main()", *arguments],
        env={**bus.environ, "MERIDIAN_API_KEY": KEY},
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_an_operation_that_reads_is_called_with_a_sample_of_its_schema(bus: ServedBus) -> None:
    done = meridian(bus, "call", "stock.Find")
    assert done.returncode == 0, done.stderr
    assert '"total"' in done.stdout
    assert "200 application/json" in done.stderr


def test_an_operation_that_writes_gets_no_sample_but_shows_one(bus: ServedBus) -> None:
    done = meridian(bus, "call", "stock.Book")
    assert done.returncode == 2
    assert '"booking_no"' in done.stdout
    assert "nothing was sent" in done.stderr


@pytest.mark.parametrize("face", ["rest", "soap"])
def test_a_request_is_sent_as_given_over_either_face(bus: ServedBus, face: str) -> None:
    done = meridian(bus, "call", "stock.Find", "--json", '{"text": "纱布"}', "--face", face)
    assert done.returncode == 0, done.stderr
    assert "纱布" in done.stdout
    assert ("Envelope" in done.stdout) is (face == "soap")


def test_a_request_is_read_from_a_file_and_from_standard_input(bus: ServedBus, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_text('{"text": "纱布"}', encoding="utf-8")
    assert "纱布" in meridian(bus, "call", "stock.Find", "--json", f"@{file}").stdout
    assert "纱布" in meridian(bus, "call", "stock.Find", "--json", "-", given='{"text": "纱布"}').stdout


def test_a_refused_call_shows_the_answer_and_ends_with_an_error(bus: ServedBus) -> None:
    done = meridian(bus, "call", "stock.Find", "--json", '{"txt": "纱布"}')
    assert done.returncode == 1
    assert "contract" in done.stdout
    assert "did you mean Find?" in meridian(bus, "call", "stock.Fnd").stderr


def test_a_call_is_saved_as_a_case_that_passes_and_fails_when_the_mapping_changes(
    bus: ServedBus, tmp_path: Path
) -> None:
    catalogue = tmp_path / "catalogue"
    shutil.copytree(bus.catalogue, catalogue)
    file = catalogue / "cases" / "stock.yaml"
    for text in ("纱布", "注射"):
        done = meridian(bus, "call", "stock.Find", "--json", f'{{"text": "{text}"}}', "--save", str(file))
        assert done.returncode == 0, done.stderr
    done = meridian(bus, "test", "-f", str(catalogue))
    assert done.stdout.strip() == "2 passed, 0 failed, 0 skipped", done.stdout
    live = ("test", "-f", str(catalogue), "--live", "--url", bus.url)
    assert meridian(bus, *live).stdout.strip() == "2 passed, 0 failed, 0 skipped"
    file.write_text(file.read_text(encoding="utf-8").replace("total: 1", "total: 2"), encoding="utf-8")
    assert "reply /total: expected 2, found 1" in meridian(bus, *live).stdout
    file.write_text(file.read_text(encoding="utf-8").replace("total: 2", "total: 1"), encoding="utf-8")
    manifest = catalogue / "manifest.yaml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace("path: /find}", "path: /find}\n        reply: [{jq: '.total = 9'}]"))
    done = meridian(bus, "test", "-f", str(catalogue))
    assert done.returncode == 1
    assert "reply /total: expected 1, found 9" in done.stdout


def build(language: str, program: Path) -> list[str]:
    """The command that runs a program of this language; a missing tool is told."""
    tools = {
        "curl": ["bash"], "python": [sys.executable], "php": ["php"],
        "java": ["java"], "csharp": ["mcs", "mono"],
    }[language]  # fmt: skip
    for tool in (*tools, *(["curl"] if language == "curl" else [])):
        if shutil.which(tool) is None:
            absent(tool)
    if language != "csharp":
        return [tools[0], str(program)]
    made = program.with_suffix(".exe")
    subprocess.run(["mcs", "-r:System.Net.Http", f"-out:{made}", str(program)], check=True, timeout=120)
    return ["mono", str(made)]


SUFFIXES = {"curl": "call.sh", "python": "call.py", "php": "call.php", "java": "Call.java", "csharp": "Call.cs"}


@pytest.mark.parametrize("face", ["rest", "soap"])
@pytest.mark.parametrize("language", SUFFIXES)
@pytest.mark.timeout(180)
def test_a_snippet_runs_as_it_is_and_gets_the_answer(bus: ServedBus, tmp_path: Path, language: str, face: str) -> None:
    program = tmp_path / SUFFIXES[language]
    done = CliRunner().invoke(
        snippet_command, ["stock.Find", language, "--face", face], obj=bus.settings, env=bus.environ
    )
    assert done.exit_code == 0, done.output
    program.write_text(done.stdout, encoding="utf-8")
    ran = subprocess.run(
        build(language, program),
        env={**os.environ, "MERIDIAN_API_KEY": KEY},
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr + ran.stdout
    assert "total" in ran.stdout
