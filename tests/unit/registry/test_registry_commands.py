"""``meridian apply``, ``get``, ``diff`` and ``rollback`` as an integrator uses them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from catalogues import SYSTEM, catalogue, service
from click import Command
from click.testing import CliRunner, Result

from bus.commands.listing import table
from bus.commands.registry import apply, diff, get, rollback
from bus.settings import Settings
from registry.errors import RegistryError

CONSUMER = "kind: Consumer\nname: kiosk\ncredentials: [{kind: api-key, secret: hunter2}]\n"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    settings = Settings(data=tmp_path / "data")

    def call(command: Command, *arguments: str) -> Result:
        return CliRunner().invoke(command, arguments, obj=settings)

    return call


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "manifests"
    folder.mkdir()
    return write(folder, SYSTEM, service("- {name: PlaceOrder}"))


def write(folder: Path, *manifests: str) -> Path:
    for name, content in catalogue(*manifests).files.items():
        (folder / name).write_bytes(content)
    return folder


def test_an_apply_makes_a_revision_and_a_second_one_changes_nothing(run: Run, folder: Path) -> None:
    first = run(apply, "-f", str(folder), "--author", "李工")
    assert first.exit_code == 0
    assert first.stdout.splitlines() == [
        "+ Service lis",
        "+ System lis",
        "+ File order.json",
        "revision 1 is active: 3 new, 0 changed, 0 gone",
    ]
    assert run(apply, "-f", str(folder)).stdout == "no change: revision 1 stays active\n"
    (row,) = json.loads(run(get, "revisions", "-o", "json").stdout)
    assert (row["author"], row["active"]) == ("李工", "yes")


def test_a_dry_run_changes_nothing(run: Run, folder: Path) -> None:
    said = run(apply, "-f", str(folder), "--dry-run").stdout
    assert said.endswith("dry run: 3 new, 0 changed, 0 gone; nothing was changed\n")
    assert run(get, "revisions").stdout == "nothing is registered\n"


def test_problems_are_printed_one_a_line_and_nothing_is_changed(run: Run, folder: Path) -> None:
    write(folder, SYSTEM, service("- {name: A, efect: read}\n- {name: B, keys: {v: //x}}"))
    failed = run(apply, "-f", str(folder))
    assert failed.exit_code == 1
    assert failed.stdout == ""
    assert failed.stderr.splitlines() == [
        "m.yaml:12: versions[0].operations[0]: unknown key 'efect' (did you mean effect?)",
        "m.yaml:13: an XPath, but the contract speaks JSON (write a jq path, or set form: xml)",
        "2 problems; nothing was changed",
    ]
    assert run(get, "revisions").stdout == "nothing is registered\n"


def test_a_diff_shows_what_an_apply_would_change(run: Run, folder: Path) -> None:
    run(apply, "-f", str(folder))
    write(folder, SYSTEM.replace("lis", "lis\nowner: 检验科"), service("- {name: PlaceOrder}"), CONSUMER)
    (folder / "order.json").unlink()
    said = run(diff, "-f", str(folder)).stdout.splitlines()
    assert said == ["+ Consumer kiosk", "~ System lis", "- File order.json", "1 new, 1 changed, 1 gone"]
    shown = run(diff, "-f", str(folder), "-v").stdout
    assert "+owner: 检验科" in shown
    assert "hunter2" not in shown


def test_comments_and_layout_make_no_difference_to_a_diff(run: Run, folder: Path) -> None:
    run(apply, "-f", str(folder))
    manifest = folder / "m.yaml"
    manifest.write_text("# about the laboratory\n" + manifest.read_text().replace("'", '"'))
    assert run(diff, "-f", str(folder)).stdout == "0 new, 0 changed, 0 gone\n"


def test_a_rollback_brings_back_the_old_content_as_a_new_revision(run: Run, folder: Path) -> None:
    run(apply, "-f", str(folder))
    run(apply, "-f", str(write(folder, SYSTEM.replace("name: lis", "name: other"))))
    assert run(get, "systems", "-o", "yaml").stdout == "kind: System\nname: other\n"
    assert run(rollback, "1").stdout == "revision 3 is active: the content of revision 1\n"
    assert yaml.safe_load(run(get, "systems", "lis", "-o", "yaml").stdout) == {"kind": "System", "name": "lis"}
    assert len(json.loads(run(get, "revisions", "-o", "json").stdout)) == 3


def test_lists_are_tables_with_one_line_an_object(run: Run, folder: Path) -> None:
    run(apply, "-f", str(folder))
    head, line = run(get).stdout.splitlines()
    assert head.split() == ["NAME", "SYSTEM", "VERSIONS", "OPERATIONS", "PROVIDER", "TITLE", "FILE"]
    assert line.split() == ["lis", "lis", "1", "1", "rest", "m.yaml"]
    assert "lis.PlaceOrder" in run(get, "operations").stdout
    assert "order.json" in run(get, "files").stdout


def test_an_unknown_object_is_said_with_those_there_are(run: Run, folder: Path) -> None:
    run(apply, "-f", str(folder))
    failed = run(get, "services", "lsi")
    assert isinstance(failed.exception, RegistryError)
    assert str(failed.exception) == "no services 'lsi'; there are: lis"


def test_a_secret_written_out_is_hidden_and_warned_of(run: Run, folder: Path) -> None:
    warned = run(apply, "-f", str(write(folder, CONSUMER)))
    assert "warning: m.yaml:3: a secret is written out in the manifest" in warned.stderr
    assert "hunter2" not in warned.output + run(get, "consumers", "-o", "json").output


def test_chinese_titles_stay_in_their_columns() -> None:
    lines = table([{"title": "检验", "file": "a"}, {"title": "abc", "file": "b"}])
    assert lines == ["TITLE  FILE", "检验   a", "abc    b"]
