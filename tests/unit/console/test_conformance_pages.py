"""The console says which side is wrong, in both languages, and shows nothing of a document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from catalogues import SYSTEM, catalogue, service
from console_visit import IDENTITY, CalmWorkflow, NothingDead, NothingParked, exchange
from flask.testing import FlaskClient

from bus.console.app import create_app
from bus.console.ports import ConsolePorts
from bus.journal.memory import MemoryJournal
from bus.ports import Body
from bus.security.users import Users
from bus.settings import Settings
from registry.compile import compile_catalogue

OPERATION = """
- name: PlaceOrder
  checks: {request: {json_schema: order.json, gate: "off"}}
"""
WRONG = f'{{\n "order_no": 7,\n "id_no": "{IDENTITY}"\n}}'.encode()


class Registry:
    """The laboratory, compiled from its manifest."""

    def __init__(self) -> None:
        self.snapshot = compile_catalogue(catalogue(SYSTEM, service(OPERATION)), {}).snapshot


@pytest.fixture
async def browse(journal: MemoryJournal, users: Users, tmp_path: Path) -> Callable[[str], FlaskClient]:
    """A viewer's session, in a language, over a journal in which a caller broke the contract three times."""
    body = (Body("request", WRONG, "application/json"),)
    for number in range(3):
        await journal.outcome(exchange("lis.PlaceOrder", number, door="rest", consumer="kiosk", bodies=body))
    people = (CalmWorkflow(), NothingParked(), NothingDead())
    ports = ConsolePorts(Settings(data=tmp_path), Registry(), journal, users, *people)
    app = create_app(ports)

    def enter(language: str) -> FlaskClient:
        client = app.test_client()
        client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        client.get(f"/login/once/{users.link('viewer')}")
        return client

    return enter


@pytest.mark.parametrize(("language", "said"), [("zh", "调用方"), ("en", "Caller")])
def test_the_page_of_a_service_counts_findings_and_links_an_example(
    browse: Callable[[str], FlaskClient], language: str, said: str
) -> None:
    client = browse(language)
    page = client.get("/conformance/lis?since=any_time").text
    assert said in page
    assert "<code>/order_no</code>" in page
    assert '<td class="num">3</td>' in page
    assert IDENTITY not in page
    example = page.split("/messages/")[1].split("/conformance")[0]
    one = client.get(f"/messages/{example}/conformance").text
    assert "<code>/order_no</code>" in one
    assert (" 2 <code>" in one) or (" 2 " in one)


def test_services_and_messages_link_to_their_findings(browse: Callable[[str], FlaskClient]) -> None:
    client = browse("en")
    assert 'href="/conformance/lis"' in client.get("/services").text
    listed = client.get("/api/messages?service=lis").get_json()["messages"][0]["id"]
    assert f'href="/messages/{listed}/conformance"' in client.get(f"/messages/{listed}").text


def test_the_admin_api_says_side_line_and_count(browse: Callable[[str], FlaskClient]) -> None:
    answer = browse("en").get("/api/services/lis/conformance?operation=PlaceOrder").get_json()
    (count,) = answer["counts"]
    assert (count["count"], count["consumer"], count["finding"]["side"]) == (3, "kiosk", "caller")
    assert (count["finding"]["path"], count["finding"]["line"]) == ("/order_no", 2)
    one = browse("en").get(f"/api/messages/{count['example']}/conformance").get_json()
    assert one["exchanges"] == 1


def test_what_is_not_there_is_not_found_and_strangers_see_nothing(browse: Callable[[str], FlaskClient]) -> None:
    client = browse("en")
    for path in ("/conformance/none", "/messages/none/conformance", "/api/services/none/conformance"):
        assert client.get(path).status_code == 404
    stranger = client.application.test_client()
    assert stranger.get("/conformance/lis").status_code in (302, 401)
    assert stranger.get("/api/services/lis/conformance").status_code == 401
