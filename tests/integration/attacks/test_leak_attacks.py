"""What one caller sends is seen by nobody else: not in another's answer, not in a log line."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from target import NUMBER, PATIENT, Answer, Target, envelope, order

pytestmark = pytest.mark.integration

THREADS, EACH = 8, 60


def marker(thread: int) -> str:
    """A word that only this thread sends."""
    return f"MARK{thread:02d}" + "abcdefgh"[thread] * 6


def both(thread: int, target: Target) -> list[tuple[int, str]]:
    """Break both contracts again and again, each time with this thread's own word in names and values."""
    own = marker(thread)
    answers: list[tuple[int, str]] = []
    for number in range(EACH):
        inside = f"<{own}{number}>{own}</{own}{number}>"
        answers.append((thread, target.soap(envelope(order(inside))).words))
        answers.append((thread, target.rest(json.dumps({"visit_no": own, own: own})).words))
    return answers


def test_eight_callers_at_once_never_see_each_others_words(target: Target) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        answers = [pair for found in pool.map(both, range(THREADS), [target] * THREADS) for pair in found]
    assert len(answers) == THREADS * EACH * 2
    for thread, words in answers:
        assert "contract" in words
        for other in range(THREADS):
            assert other == thread or marker(other) not in words, "one caller's words in another's answer"


def test_eight_callers_at_once_never_see_the_words_in_which_a_stylesheet_refused_another(target: Target) -> None:
    # libxslt keeps what xsl:message said where every thread finds it.
    def call(number: int) -> tuple[int, Answer]:
        thread = number % THREADS
        cancel = f'<CancelOrder xmlns="urn:example:lab"><orderNo>{marker(thread)}</orderNo></CancelOrder>'
        return thread, target.soap(envelope(cancel))

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(call, range(THREADS * EACH)))
    assert {answer.code for _, answer in answers} == {"mapping"}
    for _, answer in answers:
        target.quiet(answer)
        assert "MARK" not in answer.words
    assert "MARK" not in target.log()


def test_a_caller_whose_order_is_right_is_never_told_what_is_wrong_with_anothers(target: Target) -> None:
    # A check that fails and one that passes share their compiled schema.
    def call(number: int) -> Answer:
        return target.soap(envelope(order("<x/>" if number % 2 else "")))

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(call, range(THREADS * EACH)))
    assert [answer.status for answer in answers[::2]] == [200] * (THREADS * EACH // 2)
    assert {answer.code for answer in answers[1::2]} == {"contract"}


HOSTILE_TEXTS = {
    "a line break": f'{PATIENT}\n{{"event": "forged"}}',
    "an escape sequence": f"\x1b[2J{PATIENT}",
    "a megabyte": "身" * 300_000 + NUMBER,
}


@pytest.mark.parametrize("kind", HOSTILE_TEXTS)
def test_no_text_of_a_message_gets_into_the_log(target: Target, kind: str) -> None:
    text = HOSTILE_TEXTS[kind]
    before = len(target.log())
    answer = target.refused(lambda: target.rest(json.dumps({"visit_no": text, text[:40]: 1})), "contract")
    assert answer.status == 400 or answer.status == 422
    target.rest(json.dumps({"visit_no": "V1"}), f"/rest/orders/Place?note={PATIENT}".encode().decode("latin-1"))
    new = target.log()[before:]
    assert "forged" not in new
    assert "\x1b" not in new
    assert len(new) < 20_000
    for line in filter(None, new.splitlines()):
        json.loads(line)
