"""Catalogues: sets of files with safe names, read from folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.catalogue import Catalogue
from registry.errors import ManifestInvalid
from registry.source import read_folder


@pytest.mark.parametrize("name", ["/etc/passwd", "../up.yaml", "a/../b.yaml", "a//b", "a\\b", "a\nb", "", "./a"])
def test_a_name_that_could_leave_the_catalogue_is_refused(name: str) -> None:
    with pytest.raises(ManifestInvalid):
        Catalogue({name: b""})


def test_a_catalogue_cannot_be_changed_after_it_was_made() -> None:
    files = {"a.yaml": b"kind: System"}
    made = Catalogue(files)
    files["b.yaml"] = b""
    assert set(made.files) == {"a.yaml"}
    with pytest.raises(TypeError):
        made.files["c.yaml"] = b""  # type: ignore[index]


def test_references_are_relative_to_the_file_that_makes_them() -> None:
    made = Catalogue({"lis/m.yaml": b"", "lis/x.json": b"", "shared/t.csv": b""})
    assert made.resolve("x.json", "lis/m.yaml") == "lis/x.json"
    assert made.resolve("../shared/t.csv", "lis/m.yaml") == "shared/t.csv"
    assert made.resolve("../../etc/passwd", "lis/m.yaml") is None
    assert made.nearest("xx.json", "lis/m.yaml") == "did you mean x.json?"


def test_yaml_below_contracts_is_a_contract_and_no_manifest() -> None:
    made = Catalogue({"a.yaml": b"", "contracts/openapi.yaml": b"", "lis/contracts/deep/x.yml": b"", "b/c.yml": b""})
    assert made.manifests() == ("a.yaml", "b/c.yml")


def test_a_folder_gives_its_manifests_and_assets_and_nothing_else(tmp_path: Path) -> None:
    for name in ("m.yaml", "a/x.xslt", "a/cases/case.yaml", ".git/config.yaml", "a/program.py", "a/.hidden.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert set(read_folder(tmp_path).files) == {"m.yaml", "a/x.xslt"}


def test_a_link_that_leads_outside_is_named_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text("{}")
    folder = tmp_path / "catalogue"
    folder.mkdir()
    (folder / "x.json").symlink_to(tmp_path / "secret.json")
    with pytest.raises(ManifestInvalid, match=r"x\.json:1: a link that leads outside"):
        read_folder(folder)


def test_a_folder_that_is_not_there_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    with pytest.raises(ManifestInvalid, match="no such folder"):
        read_folder(tmp_path / "nowhere")


def test_a_certificate_is_taken_and_a_private_key_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "his.pem").write_bytes(b"-----BEGIN CERTIFICATE-----")
    assert set(read_folder(tmp_path).files) == {"his.pem"}
    (tmp_path / "bus.pem").write_bytes(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    with pytest.raises(ManifestInvalid, match=r"bus\.pem:1: holds a private key"):
        read_folder(tmp_path)
