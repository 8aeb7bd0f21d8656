"""What the pages promise to the people who use them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from console_visit import FLOW, IDENTITY, console_over, exchange
from flask.testing import FlaskClient

from bus.console.app import create_app
from bus.journal.memory import MemoryJournal
from bus.ports import Body, HopRecord
from bus.security.users import Users
from bus.settings import Settings

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


@pytest.mark.parametrize(
    ("path", "marked", "how"),
    [
        ("/messages", "Messages", "page"),
        (f"/flows/{FLOW}", "Messages", "true"),
        ("/workflows/i1", "Workflows", "true"),
        ("/tasks", "Workflows", "true"),
    ],
)
def test_the_menu_shows_under_which_of_its_pages_a_page_belongs(
    open_console: Open, full_journal: MemoryJournal, path: str, marked: str, how: str
):
    menu = open_console("viewer").get(path).text
    assert re.findall(r'aria-current="(\w+)">([A-Za-z]+)', menu) == [(how, marked)]


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


@pytest.mark.parametrize("path", ["/workflows", "/workflows/i1"])
def test_a_workflow_shows_its_business_keys_without_the_identity_number(open_console: Open, path: str):
    page = open_console("admin").get(path).text
    assert "V17" in page
    assert IDENTITY not in page
    assert "张三丰" not in page


def test_a_workflow_tells_what_it_waits_for_and_which_steps_undo_others(open_console: Open):
    page = open_console("viewer", "zh").get("/workflows/i1").text
    for words in ("正在等待", "lab.resulted", "no result yet", "撤销", "已完成"):
        assert words in page


async def test_only_the_hop_in_which_an_error_arose_is_marked(open_console: Open, journal: MemoryJournal):
    passed, arose, left = (
        HopRecord("decode", 0, 9, "mapping"),
        HopRecord("transform", 5, 9, "mapping"),
        HopRecord("call", 9, 9),
    )
    await journal.outcome(exchange("lis.PlaceOrder", 1, "error", error="mapping", hops=(passed, arose, left)))
    page = open_console("viewer").get(f"/messages/{first(journal)}").text
    assert re.findall(r'<tr class="table-danger"><th scope="row">(\w+)', page) == ["transform"]


async def test_a_payload_that_passed_through_is_not_shown_twice(open_console: Open, journal: MemoryJournal):
    same = b'{"visit_no":"V17"}'
    bodies = (Body("request", same, "application/json"), Body("request.sent", same, "application/json"))
    await journal.outcome(exchange("lis.PlaceOrder", 1, bodies=bodies))
    page = open_console("viewer").get(f"/messages/{first(journal)}").text
    assert page.count("<pre") == 1
    assert "unchanged, passed through" in page


async def test_the_failed_are_those_of_the_bus_and_those_of_the_provider(open_console: Open, journal: MemoryJournal):
    for second, status in enumerate(("error", "ok", "fault", "accepted", "error")):
        await journal.outcome(exchange("lis.PlaceOrder", second, status))
    page = open_console("viewer").get("/messages?status=failed&since=any_time").text
    shown = re.findall(r'<td class="nowrap"><a href="/messages/(\w+)"', page)
    assert shown == [journal.outcomes[place].id for place in (4, 2, 0)]


async def test_the_messages_of_one_operation_can_be_listed_alone(open_console: Open, full_journal: MemoryJournal):
    page = open_console("viewer").get("/messages?service=lis&operation=PlaceOrder&since=any_time").text
    assert page.count("lis.<strong>PlaceOrder") == 2
    assert "his.<strong>" not in page


def test_a_refused_revision_is_told_on_the_overview(tmp_path: Path, journal: MemoryJournal, users: Users):
    ports = replace(console_over(Settings(data=tmp_path), journal, users), refused=lambda: "his.yaml:7: no such table")
    browser = create_app(ports).test_client()
    browser.get(f"/login/once/{users.link('viewer')}")
    assert "his.yaml:7: no such table" in browser.get("/").text


async def test_a_message_without_a_visit_is_not_offered_one(open_console: Open, journal: MemoryJournal):
    await journal.outcome(exchange("lis.PlaceOrder", 1, keys=(("patient_id", "P1"),)))
    browser = open_console("viewer")
    found = browser.post("/find", data={"text": "P1"}, follow_redirects=True).text
    assert "lis.<strong>PlaceOrder" in found
    assert "/visits/" not in found


def test_a_filter_that_nothing_fits_is_not_taken_for_an_empty_bus(open_console: Open, full_journal: MemoryJournal):
    page = open_console("viewer").get("/messages?system=nowhere&since=any_time").text
    assert "No message fits" in page
