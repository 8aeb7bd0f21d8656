"""The one table of what errors mean, and the trees drawn above them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import bus
import bus.errors
import registry
import registry.errors
import transformers
import transformers.errors
from bus.errors import MEANINGS, ProviderTimeout, meaning
from transformers.errors import MeridianError

TREES: tuple[ModuleType, ...] = (transformers.errors, registry.errors, bus.errors)


#: Errors at home in one room, which no caller of an operation is answered with; they mean what their parent means.
INHERITING = {"DowntimeInvalid", "ImportRefused", "Unstorable", "UserInvalid", "WorkflowInvalid", "WorkflowUnknown"}


def _below(kind: type[MeridianError]) -> Iterator[type[MeridianError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _below(child)


def _of_the_trees() -> list[type[MeridianError]]:
    names = {module.__name__ for module in TREES}
    return [kind for kind in _below(MeridianError) if kind.__module__ in names]


def test_every_error_of_the_three_trees_has_a_row_of_its_own() -> None:
    assert [kind.__name__ for kind in _of_the_trees() if kind not in MEANINGS] == []


def test_every_error_of_the_three_trees_is_drawn_in_its_docstring() -> None:
    drawn = "\n".join(module.__doc__ or "" for module in TREES)
    assert [kind.__name__ for kind in _of_the_trees() if not re.search(rf"\b{kind.__name__}\b", drawn)] == []


def test_the_drawn_trees_name_no_error_that_is_not_there() -> None:
    known = {kind.__name__ for kind in _of_the_trees()}
    drawn = re.findall(r"[├└]── (\w+)", "\n".join(module.__doc__ or "" for module in TREES))
    assert set(drawn) <= known


def test_only_the_named_errors_are_defined_outside_the_three_modules() -> None:
    """Found in the source, not by importing: an error that nobody imported would not be found otherwise."""
    known = {kind.__name__ for kind in _of_the_trees()}
    roots = (Path(str(package.__file__)).parent for package in (transformers, registry, bus))
    strays = {
        node.name
        for root in roots
        for path in root.rglob("*.py")
        if path.name != "errors.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id in known for base in node.bases)
    }
    assert strays == INHERITING


def test_every_row_has_a_code_a_status_and_words_in_both_languages() -> None:
    for kind, row in MEANINGS.items():
        assert re.fullmatch(r"[a-z][a-z-]+", row.code), kind
        assert 400 <= row.status <= 599, kind
        assert all((row.zh, row.en, row.hint_zh, row.hint_en)), kind
        assert re.search(r"[一-鿿]", row.zh), kind


def test_an_error_outside_the_tree_means_an_internal_failure() -> None:
    assert meaning(KeyError("x")).code == "internal"
    assert meaning(ProviderTimeout("x")).code == "provider-timeout"
