"""What the pages promise to the people who use them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from console_visit import FLOW, IDENTITY
from flask.testing import FlaskClient

from bus.journal.memory import MemoryJournal

Open = Callable[..., FlaskClient]

LISTED = ("/", "/messages?since=any_time", "/services", "/workflows", "/workflows/i1", f"/flows/{FLOW}")


def first(journal: MemoryJournal) -> str:
    return journal.outcomes[0].id


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", LISTED)
def test_every_page_opens_in_both_languages(open_console: Open, full_journal: MemoryJournal, path: str, language: str):
    answer = open_console("viewer", language).get(path)
    assert answer.status_code == 200
    assert f'lang="{"zh-CN" if language == "zh" else "en"}"' in answer.text


def test_pages_of_an_empty_bus_say_what_to_do_next(open_console: Open):
    browser = open_console("viewer")
    assert "Call a service and come back" in browser.get("/messages?since=any_time").text
    assert "Nothing needs you" in browser.get("/").text


def test_an_empty_window_tells_when_the_last_match_was(open_console: Open, full_journal: MemoryJournal):
    page = open_console("viewer").get("/messages?since=last_15m").text
    assert "The last that fits was received" in page
    assert "since=any_time" in page


def test_no_page_loads_anything_from_outside_the_console(open_console: Open, full_journal: MemoryJournal):
    browser = open_console("admin")
    for path in (*LISTED, f"/messages/{first(full_journal)}", f"/visits/{first(full_journal)}"):
        assert re.findall(r'(?:src|href)="https?://[^"]+"', browser.get(path).text) == []


def test_every_answer_carries_a_content_policy_and_is_not_cached(open_console: Open):
    answer = open_console("viewer").get("/")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert answer.headers["Cache-Control"] == "no-store"


def test_payloads_are_masked_even_inside_xml_that_travels_as_text(open_console: Open, full_journal: MemoryJournal):
    page = open_console("admin").get(f"/messages/{first(full_journal)}").text
    assert "张**" in page
    for secret in ("张三丰", IDENTITY, "13800001234"):
        assert secret not in page


def test_a_viewer_may_not_see_payloads_unmasked(open_console: Open, full_journal: MemoryJournal):
    browser = open_console("viewer")
    address = f"/messages/{first(full_journal)}"
    assert browser.post(f"{address}/reveal", data={"reason": "curious"}).status_code == 403
    assert "张三丰" not in browser.get(address).text


def test_revealing_needs_a_reason_and_puts_it_on_record(open_console: Open, full_journal: MemoryJournal, users):
    browser = open_console("clinical")
    address = f"/messages/{first(full_journal)}"
    browser.post(f"{address}/reveal", data={"reason": "  "})
    assert "张三丰" not in browser.get(address).text
    browser.post(f"{address}/reveal", data={"reason": "result was sent to the wrong ward"})
    assert "张三丰" in browser.get(address).text
    line = users.audit()[0]
    assert (line["actor"], line["action"], line["object"]) == ("clinical", "reveal", first(full_journal))
    assert line["reason"] == "result was sent to the wrong ward"


def test_revealing_one_message_leaves_the_others_masked(open_console: Open, full_journal: MemoryJournal):
    browser = open_console("clinical")
    browser.post(f"/messages/{first(full_journal)}/reveal", data={"reason": "ward asks"})
    assert "张三丰" not in browser.get(f"/messages/{full_journal.outcomes[1].id}").text


def test_finding_by_a_business_key_keeps_the_key_out_of_the_address(open_console: Open, full_journal: MemoryJournal):
    browser = open_console("viewer")
    answer = browser.post("/find", data={"text": IDENTITY})
    assert IDENTITY not in answer.headers["Location"]
    page = browser.get(answer.headers["Location"]).text
    assert page.count("lis.<strong>PlaceOrder") == 2
    assert IDENTITY not in page


def test_finding_by_a_message_id_goes_straight_to_the_message(open_console: Open, full_journal: MemoryJournal):
    answer = open_console("viewer").post("/find", data={"text": first(full_journal)})
    assert answer.headers["Location"].endswith(f"/messages/{first(full_journal)}")


def test_the_visit_page_shows_reached_and_missing_milestones(open_console: Open, full_journal: MemoryJournal):
    page = open_console("viewer").get(f"/visits/{full_journal.outcomes[2].id}").text
    stages = re.findall(r'<li class="(\w+)">\s*<span class="stage">(\w+)</span>', page)
    assert stages == [("ok", "Registered"), ("ok", "Examined"), ("missing", "Dispensed")]


def test_the_diagram_and_its_table_tell_the_same(open_console: Open, full_journal: MemoryJournal):
    page = open_console("viewer").get(f"/flows/{FLOW}").text
    drawn = re.findall(r'<g class="arrow (\w+)', page)
    table = page[page.index("<details>") : page.index("</details>")]
    assert len(drawn) == table.count("<tr><td") == 8
    assert drawn.count("error") == 2


def test_an_error_page_names_the_error_and_the_next_step(open_console: Open, full_journal: MemoryJournal):
    page = open_console("viewer").get(f"/messages/{full_journal.outcomes[2].id}").text
    assert "provider-timeout" in page
    assert "lis did not answer within 3.0 s" in page
    assert "The outcome is unknown" in page


def test_an_unknown_message_is_a_page_that_says_so(open_console: Open):
    answer = open_console("viewer").get("/messages/0123")
    assert answer.status_code == 404
    assert "No such page" in answer.text
