"""An answer that says no is a failure, whatever HTTP said."""

from __future__ import annotations

from typing import Any

import pytest

from bus.errors import ProviderFault
from bus.hops.transform import _mapped
from bus.message import Message, Target
from registry.bench import Bench
from registry.catalogue import Catalogue
from registry.errors import ManifestInvalid
from registry.findings import Findings, Spot
from registry.library import Library
from registry.manifest import read_manifests
from registry.model import Call, Operation, Policy
from registry.steps import FACTORIES, Scope
from registry.unmapped import Unmapped
from transformers.errors import AnswerRefused

STEP = {"when": '(.infcode | tostring) != "0"', "code": ".infcode | tostring", "reason": ".err_msg"}


def step(argument: Any) -> Any:
    catalogue = Catalogue({"m.yaml": b"kind: System\nname: his\n"})
    manifests, _ = read_manifests(catalogue)
    bench = Bench(manifests, Library(catalogue), {}, Findings(), Unmapped())
    (system,) = manifests.sound("System")
    spot = Spot(system, ())
    return FACTORIES["fault"](argument, Scope(bench, {}, None), spot).apply


def test_an_answer_that_does_not_say_no_goes_on_unchanged() -> None:
    assert step(STEP)({"infcode": 0, "output": {"a": "1"}}) == {"infcode": 0, "output": {"a": "1"}}
    assert step(STEP)({"infcode": "0"}) == {"infcode": "0"}


def test_an_answer_that_says_no_is_refused_in_the_providers_own_words() -> None:
    with pytest.raises(AnswerRefused) as caught:
        step(STEP)({"infcode": -1, "err_msg": "余额不足"})
    assert (caught.value.code, caught.value.reason) == ("-1", "余额不足")
    assert "余额不足" not in str(caught.value)


def test_a_condition_that_does_not_compile_never_reaches_a_snapshot() -> None:
    with pytest.raises(ManifestInvalid):
        step({"when": ".infcode =="})


def test_the_caller_hears_of_a_refusal_as_the_providers_fault() -> None:
    operation = Operation("s", "1", "O", {}, "write", "sync", "json", Policy(), Call(), reply=(step(STEP),))
    reply = Message("1", "f", "rest", Target("s"), b"", status=200)
    with pytest.raises(ProviderFault) as caught:
        _mapped({"infcode": -1, "err_msg": "余额不足"}, reply, operation)
    assert caught.value.reason == "-1: 余额不足"
    assert caught.value.http_status == 200
