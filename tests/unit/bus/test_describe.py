"""``meridian describe``: what an installation is made of, told at a desk that need not know the hospital's secrets."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import fields
from pathlib import Path

from catalogues import SYSTEM, catalogue, service
from click.testing import CliRunner

from bus.commands.describe import describe
from bus.registry import open_store
from bus.settings import Settings

KIOSK = """
kind: Consumer
name: kiosk
credentials: [{kind: api-key, secret: "${KIOSK_KEY_THAT_NOBODY_SET}"}]
grants: [{service: lis, operations: [Find]}]
"""


def described(folder: Path, *manifests: str) -> list[str]:
    settings = Settings(data=folder, database="", broker="amqp://bus:secret@mq.example")
    with closing(open_store(settings)) as store:
        store.apply(catalogue(*manifests), "li")
    answer = CliRunner().invoke(describe, obj=settings, catch_exceptions=False)
    assert answer.exit_code == 0
    return answer.output.splitlines()


def test_each_setting_stands_apart_from_its_value_and_no_secret_is_shown(tmp_path: Path) -> None:
    lines = described(tmp_path, SYSTEM)
    shown = dict(re.split(r" {1,}", line.strip(), maxsplit=1) for line in lines[1 : 1 + len(fields(Settings))])
    assert list(shown) == [field.name for field in fields(Settings)]
    assert shown["broker"] == "amqp://***@mq.example"
    assert shown["broker_certificate"] == "(default)"


def test_services_are_told_although_their_secrets_are_known_only_where_the_bus_runs(tmp_path: Path) -> None:
    told = "\n".join(described(tmp_path, SYSTEM, service("- {name: Find, effect: read}"), KIOSK))
    assert "registry, revision 1" in told
    assert re.search(r"lis 1 \(default\): .*http://lis\.example/api", told)
    assert re.search(r"^ +Find +read +sync +.* breaker \d+$", told, re.MULTILINE)
    assert "m.yaml:16: needs the environment variable KIOSK_KEY_THAT_NOBODY_SET" in told


def test_a_revision_that_this_release_cannot_compile_tells_every_reason(tmp_path: Path) -> None:
    broken = service("- {name: Find, efect: read, order_by: none}")
    told = described(tmp_path, SYSTEM, broken)
    assert told[-3] == "it does not compile with this release:"
    assert [line.split(": ")[0] for line in told[-2:]] == ["  m.yaml:12", "  m.yaml:12"]
