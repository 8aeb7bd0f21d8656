"""The console as a person sees it: every page in a real browser, wide and narrow, in both languages, full and empty."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import closing

import pytest
from playwright.sync_api import Browser, expect
from running_console import RunningConsole
from watched_page import WatchedPage

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

Enter = Callable[..., WatchedPage]
#: What has the focus, whether that shows, and whether it is there to be seen.
FOCUSED = """() => {
  const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  const name = one.tagName + " " + (one.textContent || one.name).trim().slice(0, 30);
  return [name, outlined || style.boxShadow !== "none", box.width > 0 && box.height > 0];
}"""
LISTS = (
    "/",
    "/messages?since=any_time",
    "/messages?status=failed&since=any_time",
    "/services",
    "/conformance/lis?since=any_time",
    "/workflows",
    "/tasks",
    "/parked",
    "/dead-letters",
    "/downtimes",
)
#: A desk and a telephone.
WIDTHS = (1360, 420)


@pytest.fixture(scope="module")
def one_of_each(browser: Browser, demo: RunningConsole) -> list[str]:
    """Every kind of page, with a compensated visit, a GBK message and a failed one among them."""
    tab = WatchedPage(browser, demo.url, "en")
    tab.open(demo.link())
    found = [*LISTS, demo.visit, "/services/lis/1/PlaceOrder"]
    for start, link in (
        ("/workflows?status=compensated", "tbody a"),
        ("/messages?service=his&operation=Register&since=any_time", "tbody a"),
        ("/messages?status=error&since=any_time", "tbody a"),
        ("/messages?status=fault&since=any_time", "tbody a"),
    ):
        tab.open(start)
        address = tab.page.locator(link).first.get_attribute("href")
        assert address, start
        found.append(address)
        if address.startswith("/messages"):
            tab.open(address)
            found += [str(one.get_attribute("href")) for one in tab.page.locator(".links a").all()]
    tab.close()
    assert len(found) >= 10
    return list(dict.fromkeys(found))


def wrong_with(tab: WatchedPage, addresses: Iterable[str]) -> dict[tuple[str, int], list[str]]:
    """What is wrong with these pages, by address and width."""
    wrong = {}
    for address in addresses:
        tab.open(address)
        for width in WIDTHS:
            tab.widen(width)
            if found := tab.look():
                wrong[address, width] = found
    return wrong


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_of_a_full_console_is_sound_wide_and_narrow(
    visit_console: Enter, demo: RunningConsole, one_of_each: list[str], language: str
) -> None:
    assert wrong_with(visit_console(demo, language), one_of_each) == {}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_of_an_empty_console_is_sound_wide_and_narrow(
    visit_console: Enter, empty: RunningConsole, language: str
) -> None:
    assert wrong_with(visit_console(empty, language), LISTS) == {}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_pages_before_signing_in_and_for_errors_are_sound(
    visit_console: Enter, empty: RunningConsole, language: str
) -> None:
    tab = visit_console(empty, language, 420, sign_in=False)
    tab.open("/")
    assert "/login" in tab.page.url
    assert tab.look() == []
    tab.page.fill("#name", "nobody")
    tab.page.fill("#password", "wrong")
    tab.page.click(".login button")
    expect(tab.page.get_by_role("alert")).to_be_visible()
    tab.complaints.clear()  # the browser reports the 401 itself
    assert tab.look() == []


def test_a_person_signs_in_finds_a_visit_changes_the_language_and_leaves(
    visit_console: Enter, demo: RunningConsole
) -> None:
    tab = visit_console(demo, "zh")
    page = tab.page
    tab.open(demo.visit)
    number = re.search(r"MZ\d+", page.inner_text("h1"))
    assert number
    page.fill("input[name=text]", number.group())
    page.keyboard.press("Enter")
    page.get_by_role("link", name="查看本次就诊").click()
    expect(page.locator("h1")).to_contain_text(number.group())
    expect(page.locator(".milestones li")).not_to_have_count(0)
    page.get_by_role("button", name="English").click()
    expect(page.locator("h1")).to_contain_text("Outpatient visit")
    assert demo.visit.endswith(page.url.rpartition("/")[2].rstrip("?")) or "/visits/" in page.url
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/login"))
    page.goto(demo.visit)
    expect(page).to_have_url(re.compile("/login"))
    assert tab.complaints == []


def test_a_sign_in_link_works_once_and_no_more(visit_console: Enter, demo: RunningConsole) -> None:
    link = demo.link("once")
    visit_console(demo, sign_in=False).open(link)
    second = visit_console(demo, sign_in=False)
    answer = second.page.goto(link)
    assert answer is not None
    assert answer.status == 401
    expect(second.page.get_by_role("alert")).to_contain_text("was used or has expired")


def test_the_figures_of_the_overview_are_those_of_the_journal(visit_console: Enter, demo: RunningConsole) -> None:
    tab = visit_console(demo)
    tab.open("/")
    calls = failed = 0
    for file in sorted((demo.data / "journal").glob("*.db")):
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as day:
            rows = day.execute("SELECT status FROM exchanges WHERE received_at >= ?", (time.time() - 3600,)).fetchall()
        calls += len(rows)
        failed += sum(status not in ("ok", "accepted") for (status,) in rows)
    figures = tab.page.locator(".figure").all_inner_texts()
    assert figures[0] == str(calls)
    assert figures[1] == f"{100 * failed / calls:.1f} %"
    assert figures[3:] == ["0", "0"]
    cells = [row.locator("td").all_inner_texts() for row in tab.page.locator("table").first.locator("tbody tr").all()]
    assert sum(int(cell[2]) for cell in cells) == calls
    assert sum(int(cell[3]) for cell in cells) == failed


def test_a_gbk_message_reads_as_chinese_and_shows_no_patient_until_a_reason_is_given(
    visit_console: Enter, demo: RunningConsole
) -> None:
    tab = visit_console(demo)
    page = tab.page
    tab.open("/messages?service=his&operation=Register&since=any_time")
    page.locator("tbody a").first.click()
    sent = page.locator(".payload", has_text="Request as sent")
    expect(sent.locator("h3")).to_contain_text("gbk")
    masked = sent.locator("pre").inner_text()
    name = re.search(r"<XM>(.+?)</XM>", masked)
    assert name, masked
    assert "*" in name.group(1)
    assert not re.search(r"\d{15}", re.sub(r"MZ\d+", "", masked))
    page.fill("input[name=reason]", "the ward asks")
    page.get_by_role("button", name="Show unmasked").click()
    shown = page.locator(".payload", has_text="Request as sent").locator("pre").inner_text()
    assert re.search(r"<XM>[\u4e00-\u9fff𠮷·]+</XM>", shown), shown
    assert "\ufffd" not in page.inner_text("main")
    page.get_by_role("button", name="Mask again").click()
    assert page.locator(".payload", has_text="Request as sent").locator("pre").inner_text() == masked


def test_no_page_shows_an_identity_number_or_a_whole_name(
    visit_console: Enter, demo: RunningConsole, one_of_each: list[str]
) -> None:
    tab = visit_console(demo, "zh")
    for address in one_of_each:
        tab.open(address)
        assert not re.search(r"(?<![\w])\d{17}[\dX](?!\w)", tab.page.content()), address


def test_whoever_walks_by_keyboard_always_sees_where_they_are(visit_console: Enter, demo: RunningConsole) -> None:
    tab = visit_console(demo)
    tab.open("/")
    seen = set()
    for _ in range(40):
        tab.page.keyboard.press("Tab")
        name, marked, sized = tab.page.evaluate(FOCUSED)
        if name.startswith("BODY"):
            break
        assert (marked, sized) == (True, True), name
        seen.add(name)
    assert len(seen) >= 15
    assert any(name.startswith("INPUT") for name in seen)


def test_the_diagram_can_be_read_without_seeing_it(visit_console: Enter, demo: RunningConsole) -> None:
    tab = visit_console(demo)
    tab.open(demo.visit)
    arrows = tab.page.locator("svg.sequence g.arrow").count()
    tab.page.locator("summary").click()
    rows = tab.page.locator("details tbody tr")
    expect(rows).to_have_count(arrows)
    expect(rows.first).to_be_visible()
    assert tab.page.locator("svg.sequence").get_attribute("aria-label")
