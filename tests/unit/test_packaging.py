"""What is installed is whole: the packages bring every file that they read, not their Python alone."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("bus", "registry", "services", "transformers")

#: What a working folder may hold and nobody ships.
_MADE = {".pyc", ".pyo"}


def _files(package: str) -> set[Path]:
    return {path for path in (ROOT / package).rglob("*") if path.is_file() and path.suffix not in _MADE}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_beside_the_code_is_named_as_data_of_its_package(package: str) -> None:
    config = ConfigParser()
    config.read(ROOT / "setup.cfg", encoding="utf-8")
    patterns = config.get("options.package_data", package, fallback="").replace("\n", ",").split(",")
    named = {path for pattern in patterns if pattern.strip() for path in (ROOT / package).glob(pattern.strip())}
    beside = {path for path in _files(package) if path.suffix != ".py"}
    assert sorted(str(path.relative_to(ROOT)) for path in beside - named) == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_of_code_is_a_package_that_is_found(package: str) -> None:
    folders = {path.parent for path in _files(package) if path.suffix == ".py"}
    assert [str(folder.relative_to(ROOT)) for folder in folders if not (folder / "__init__.py").exists()] == []
