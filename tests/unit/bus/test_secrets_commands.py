"""The command line makes secrets that the bus then accepts, and never prints a password."""

from __future__ import annotations

import re

import pytest
import yaml
from click.testing import CliRunner

from bus.commands.secrets import key, password
from bus.security.secrets import new_api_key, password_matches
from registry.credentials import hash_key


def test_a_new_key_comes_with_the_manifest_line_that_admits_it() -> None:
    result = CliRunner().invoke(key, ["new"])
    printed = yaml.safe_load(result.output)
    assert printed["credential"] == {"kind": "api-key", "sha256": hash_key(printed["key"])}


def test_no_two_keys_are_alike_and_each_is_marked() -> None:
    keys = {new_api_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(re.fullmatch(r"mdk_[\w-]{43}", one) for one in keys)


def test_a_password_is_read_from_a_pipe_and_only_its_line_printed() -> None:
    result = CliRunner().invoke(password, ["hash"], input="s3cret 口令\nsecond line\n")
    line = result.output.strip()
    assert result.exit_code == 0
    assert password_matches("s3cret 口令", line)
    assert not password_matches("s3cret", line)
    assert "s3cret" not in result.output


def test_an_empty_password_is_refused() -> None:
    result = CliRunner().invoke(password, ["hash"], input="\n")
    assert result.exit_code == 2
    assert "empty" in result.output


@pytest.mark.parametrize(
    "line",
    [
        "",
        "plain",
        "scrypt$1$8$1$00$00",
        "scrypt$x$8$1$00$00",
        "scrypt$16384$8$1$zz$00",
        "scrypt$1073741824$8$1$00$00",
        "bcrypt$16384$8$1$00$00",
        "scrypt$16384$8$1$00$00$00",
        "scrypt$16384$8$1$00$",
    ],
)
def test_a_line_that_cannot_be_read_admits_nobody(line: str) -> None:
    assert password_matches("", line) is False
