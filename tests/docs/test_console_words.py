"""The words of the console: each in both languages, each used, and none asked for that is not there."""

from __future__ import annotations

import re
from typing import get_args, get_type_hints

import pytest
from markdown import ROOT

from bus.conform.finding import PROTOCOL_RULES, REASONS, Side
from bus.console.words import LANGUAGES, WORDS
from bus.console.workflow_views import VERBS
from bus.orchestration.instance import TimerKind
from bus.orchestration.progress import StepState
from bus.orchestration.stimuli import Alarm, StepStatus

CONSOLE = ROOT / "bus" / "console"
TEMPLATES = {path.name: path.read_text(encoding="utf-8") for path in (CONSOLE / "templates").rglob("*.html")}
MODULES = "\n".join(path.read_text(encoding="utf-8") for path in CONSOLE.glob("*.py"))

#: Words asked for by a name that is put together: everything with this beginning, and what may follow it.
MADE = re.compile(r"\bt\('(\w+_)' ~")
PLAIN = re.compile(r"\bt\('([\w.]+)'\)")


def _asked() -> set[str]:
    return {name for text in TEMPLATES.values() for name in PLAIN.findall(text)}


def _prefixes() -> set[str]:
    return {name for text in TEMPLATES.values() for name in MADE.findall(text)}


@pytest.mark.parametrize("key", WORDS.table)
def test_every_word_is_there_in_both_languages(key: str) -> None:
    words = WORDS.table[key]
    assert set(words) == set(LANGUAGES)
    assert all(isinstance(word, str) and word.strip() for word in words.values())


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_word_that_a_template_asks_for_is_there(template: str) -> None:
    assert [name for name in PLAIN.findall(TEMPLATES[template]) if name not in WORDS.table] == []


def test_every_word_is_asked_for_by_a_template_or_a_module() -> None:
    everything = MODULES + "\n".join(TEMPLATES.values())
    prefixes = tuple(_prefixes())
    idle = [
        key
        for key in WORDS.table
        if key not in _asked()
        and not key.startswith(prefixes)
        and not re.search(rf"""["']{re.escape(key)}["']""", everything)
    ]
    hints = {"not_found_hint", "forbidden_hint", "failed_hint", "sign_in_hint", "expired_hint"}  # t(word ~ '_hint')
    assert [key for key in idle if key not in hints] == []


@pytest.mark.parametrize("prefix", sorted(_prefixes()))
def test_every_word_that_is_put_together_has_at_least_two_endings(prefix: str) -> None:
    assert len([key for key in WORDS.table if key.startswith(prefix)]) >= 2


ALERTS = get_args(get_type_hints(Alarm)["kind"])
STAGES = tuple(
    stage + kind for stage in ("request", "request.sent", "reply.received", "reply") for kind in ("", ".attachments")
)


@pytest.mark.parametrize(
    ("prefix", "endings"),
    [
        ("status_", ("ok", "accepted", "fault", "error", "open", "in_doubt")),
        ("workflow_", ("running", "completed", "compensating", "compensated", "cancelled", "stuck")),
        ("step_", (*get_args(StepStatus), *get_args(StepState))),
        ("verb_", VERBS),
        ("does_", VERBS),
        ("timer_", get_args(TimerKind)),
        ("alert_", ALERTS),
        ("circuit_", ("closed", "open", "half_open")),
        ("effect_", ("read", "write")),
        ("side_", get_args(Side)),
        ("rule_", (*PROTOCOL_RULES, "schema")),
        ("gap_", tuple(REASONS)),
        ("stage_", STAGES),
    ],
)
def test_every_ending_that_the_bus_knows_has_its_word(prefix: str, endings: tuple[str, ...]) -> None:
    assert [prefix + ending for ending in endings if prefix + ending not in WORDS.table] == []


def test_no_template_holds_a_chinese_word_of_its_own() -> None:
    strays = {name: re.findall(r"[一-鿿]+", text) for name, text in TEMPLATES.items()}
    assert {name: found for name, found in strays.items() if found} == {}
