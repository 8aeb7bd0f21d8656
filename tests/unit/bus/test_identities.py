"""Who gets in, who does not, and that a refusal says nothing a stranger could use."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import OperationalError

from bus.errors import NotAuthenticated, StateUnavailable
from bus.message import Content, Message, Target
from bus.security.identities import FRESH, CredentialIdentities
from bus.security.nonces import Nonces, nonce_table
from bus.security.passwords import RIGHT_FOR, WRONG_FOR, Passwords
from bus.security.wsse import PASSWORD_DIGEST, PASSWORD_TEXT, WSSE, WSU, password_digest, read_token
from bus.settings import Settings
from bus.state.store import State
from registry.credentials import hash_key
from registry.model import Consumer, Credential, Snapshot
from transformers.soap import Envelope, SoapVersion

T = TypeVar("T")

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC).timestamp()
CREATED = "2026-03-01T08:00:00Z"


class PlainPasswords(Passwords):
    """Compares with the stored line itself, so that these tests need no scrypt."""

    def __init__(self) -> None:
        super().__init__(check=lambda password, line: line == f"plain:{password}")


def consumer(name: str, *credentials: Credential) -> Consumer:
    return Consumer(name, {}, credentials=credentials)


KIOSK = consumer("kiosk", Credential("api-key", sha256=hash_key("kiosk-key")))
HIS = consumer(
    "his",
    Credential("basic", username="his", scrypt="plain:pass:word"),
    Credential("username-token", username="his", secret="口令"),
)
SNAPSHOT = Snapshot(revision=1, consumers={"kiosk": KIOSK, "his": HIS})


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[State]:
    state = State(Settings(data=tmp_path))
    await state.start()
    yield state
    await state.aclose()


class Refusals:
    """Collects what is counted."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def __call__(self, kind: str, name: str) -> None:
        self.seen.append((kind, name))


@pytest.fixture
def refusals() -> Refusals:
    return Refusals()


@pytest.fixture
def identities(state: State, refusals: Refusals) -> CredentialIdentities:
    return CredentialIdentities(state, passwords=PlainPasswords(), on_refusal=refusals, now=lambda: NOW)


def message(headers: dict[str, str] | None = None, *blocks: etree._Element) -> Message:
    envelope = Envelope(SoapVersion.V11, blocks, None, etree.Element("Envelope"))
    return Message(
        id="m",
        flow="f",
        door="soap",
        target=Target("lis"),
        body=b"",
        headers=headers or {},
        content=Content(None, envelope) if blocks else None,
    )


def basic(text: str) -> dict[str, str]:
    return {"authorization": f"Basic {b64encode(text.encode()).decode()}"}


def security(
    username: str = "his", password: str = "口令", *, digest: bool = True, nonce: bytes = b"n", created: str = CREATED
) -> etree._Element:
    header = etree.Element(f"{{{WSSE}}}Security")
    token = etree.SubElement(header, f"{{{WSSE}}}UsernameToken")
    etree.SubElement(token, f"{{{WSSE}}}Username").text = username
    secret = etree.SubElement(token, f"{{{WSSE}}}Password", Type=PASSWORD_DIGEST if digest else PASSWORD_TEXT)
    secret.text = password_digest(nonce, created, password) if digest else password
    if nonce:
        etree.SubElement(token, f"{{{WSSE}}}Nonce").text = b64encode(nonce).decode()
    if created:
        etree.SubElement(token, f"{{{WSU}}}Created").text = created
    return header


# ── who gets in ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given_message", "expected"),
    [
        (message({"x-api-key": "kiosk-key"}), KIOSK),
        (message({"authorization": "Bearer kiosk-key"}), KIOSK),
        (message({"authorization": "bearer  kiosk-key"}), KIOSK),
        (message(basic("his:pass:word")), HIS),
        (message({}, security()), HIS),
        (message({}, security(digest=False)), HIS),
        (message({}, security(digest=False, nonce=b"", created="")), HIS),
    ],
    ids=["api-key", "bearer", "bearer-lower", "basic", "digest", "text", "bare-text"],
)
async def test_each_kind_of_credential_proves_its_consumer(
    identities: CredentialIdentities, refusals: Refusals, given_message: Message, expected: Consumer
) -> None:
    assert await identities.identify(given_message, SNAPSHOT) is expected
    assert refusals.seen == []


@pytest.mark.parametrize(
    ("given_message", "counted"),
    [
        (message(), ("unusable", "")),
        (message({"x-api-key": "wrong"}), ("api-key", "")),
        (message({"x-api-key": hash_key("kiosk-key")}), ("api-key", "")),
        (message({"authorization": "Bearer"}), ("unusable", "")),
        (message({"authorization": "Negotiate abc"}), ("unusable", "")),
        (message({"authorization": "Basic %%%"}), ("unusable", "")),
        (message({"authorization": "Basic /w=="}), ("unusable", "")),
        (message(basic("his")), ("unusable", "")),
        (message(basic(":pass:word")), ("unusable", "")),
        (message(basic("his:wrong")), ("basic", "his")),
        (message(basic("nobody:pass:word")), ("basic", "")),
        (message(basic("kiosk:kiosk-key")), ("basic", "")),
        (message({}, security(password="wrong")), ("username-token", "his")),
        (message({}, security(username="nobody")), ("username-token", "")),
        (message({}, security(digest=False, password="wrong")), ("username-token", "his")),
        (message({}, security(nonce=b"")), ("username-token", "")),
        (message({}, security(created="")), ("username-token", "")),
        (message({}, etree.Element("{urn:other}Security")), ("unusable", "")),
    ],
)
async def test_everything_else_is_refused_and_counted(
    identities: CredentialIdentities, refusals: Refusals, given_message: Message, counted: tuple[str, str]
) -> None:
    with pytest.raises(NotAuthenticated):
        await identities.identify(given_message, SNAPSHOT)
    assert refusals.seen == [counted]


@pytest.mark.parametrize(
    "given_message",
    [
        message({"x-api-key": "kiosk-key", **basic("his:pass:word")}),
        message({"x-api-key": "kiosk-key"}, security()),
        message(basic("his:pass:word"), security()),
    ],
)
async def test_two_credentials_are_refused_because_nobody_knows_which_counts(
    identities: CredentialIdentities, given_message: Message
) -> None:
    with pytest.raises(NotAuthenticated, match="more than one"):
        await identities.identify(given_message, SNAPSHOT)


async def test_a_refusal_reads_the_same_for_a_wrong_name_and_a_wrong_secret(identities: CredentialIdentities) -> None:
    texts = set()
    for headers, blocks in (
        (basic("his:wrong"), ()),
        (basic("nobody:wrong"), ()),
        ({"x-api-key": "wrong"}, ()),
        ({}, (security(password="wrong"),)),
        ({}, (security(username="nobody"),)),
    ):
        with pytest.raises(NotAuthenticated) as caught:
            await identities.identify(message(headers, *blocks), SNAPSHOT)
        texts.add(str(caught.value))
    assert len(texts) == 1
    assert "his" not in texts.pop()


async def test_a_new_snapshot_counts_from_its_first_message(identities: CredentialIdentities) -> None:
    asked = message({"x-api-key": "kiosk-key"})
    await identities.identify(asked, SNAPSHOT)
    without = replace(SNAPSHOT, consumers={"his": HIS})
    with pytest.raises(NotAuthenticated):
        await identities.identify(asked, without)


# ── username tokens ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("digest", [True, False])
async def test_a_token_is_good_once(identities: CredentialIdentities, refusals: Refusals, digest: bool) -> None:
    replayed = message({}, security(digest=digest))
    await identities.identify(replayed, SNAPSHOT)
    with pytest.raises(NotAuthenticated, match="used before"):
        await identities.identify(replayed, SNAPSHOT)
    assert refusals.seen == [("replayed", "his")]


async def test_a_replay_is_refused_by_another_process_too(identities: CredentialIdentities, state: State) -> None:
    elsewhere = CredentialIdentities(state, now=lambda: NOW)
    await identities.identify(message({}, security()), SNAPSHOT)
    with pytest.raises(NotAuthenticated, match="used before"):
        await elsewhere.identify(message({}, security()), SNAPSHOT)


async def test_of_many_replays_at_the_same_time_exactly_one_gets_in(identities: CredentialIdentities) -> None:
    results = await asyncio.gather(
        *(identities.identify(message({}, security()), SNAPSHOT) for _ in range(20)), return_exceptions=True
    )
    assert sum(one is HIS for one in results) == 1


@pytest.mark.parametrize(
    ("created", "fresh"),
    [
        ("2026-03-01T08:04:59Z", True),
        ("2026-03-01T07:55:01Z", True),
        ("2026-03-01T16:00:00+08:00", True),
        ("2026-03-01T08:00:00.1234567Z", True),
        ("2026-03-01T08:00:00", True),
        ("2026-03-01T08:05:01Z", False),
        ("2026-03-01T07:54:59Z", False),
        ("2026-03-01T16:00:00", False),
        ("yesterday", False),
    ],
)
async def test_a_token_is_good_for_five_minutes_around_its_creation(
    identities: CredentialIdentities, created: str, fresh: bool
) -> None:
    asked = message({}, security(created=created))
    if fresh:
        assert await identities.identify(asked, SNAPSHOT) is HIS
    else:
        with pytest.raises(NotAuthenticated, match="reated"):
            await identities.identify(asked, SNAPSHOT)


async def test_a_nonce_is_remembered_as_long_as_its_token_would_be_good(state: State) -> None:
    clock = [NOW]
    identities = CredentialIdentities(state, now=lambda: clock[0])
    await identities.identify(message({}, security()), SNAPSHOT)
    clock[0] = NOW + FRESH - 1
    await identities.identify(message({}, security(nonce=b"purges")), SNAPSHOT)
    with pytest.raises(NotAuthenticated, match="used before"):
        await identities.identify(message({}, security()), SNAPSHOT)


async def test_a_wrong_digest_does_not_use_up_the_owners_nonce(identities: CredentialIdentities) -> None:
    with pytest.raises(NotAuthenticated):
        await identities.identify(message({}, security(password="wrong")), SNAPSHOT)
    assert await identities.identify(message({}, security()), SNAPSHOT) is HIS


def broken(change: Callable[[etree._Element], Any]) -> etree._Element:
    header = security()
    change(header)
    return header


def second(name: str) -> Callable[[etree._Element], Any]:
    return lambda header: header[0].append(etree.fromstring(etree.tostring(header[0].find(name))))


@pytest.mark.parametrize(
    "header",
    [
        broken(lambda header: header.append(etree.SubElement(header, f"{{{WSSE}}}UsernameToken"))),
        broken(lambda header: header[0].remove(header[0][0])),
        broken(lambda header: header[0].remove(header[0][1])),
        broken(lambda header: header[0][1].set("Type", "urn:other")),
        broken(lambda header: setattr(header[0][2], "text", "not base64!")),
        broken(lambda header: setattr(header[0][2], "text", b64encode(bytes(129)).decode())),
        broken(second(f"{{{WSSE}}}Nonce")),
        broken(second(f"{{{WSSE}}}Username")),
        broken(second(f"{{{WSU}}}Created")),
    ],
)
def test_a_token_that_could_be_read_in_two_ways_is_not_read_at_all(header: etree._Element) -> None:
    with pytest.raises(NotAuthenticated):
        read_token([header])


@settings(max_examples=50)
@given(
    name=st.text(st.characters(exclude_categories=["Cs", "Cc", "Co", "Cn"]), max_size=20),
    secret=st.text(st.characters(exclude_categories=["Cs", "Cc", "Co", "Cn"]), max_size=20),
    nonce=st.binary(max_size=200),
    created=st.text(st.characters(exclude_categories=["Cs", "Cc", "Co", "Cn"]), max_size=20),
)
def test_no_token_breaks_the_reader(name: str, secret: str, nonce: bytes, created: str) -> None:
    with suppress(NotAuthenticated):
        token = read_token([security(name, secret, nonce=nonce, created=created)])
        assert token is not None
        assert name.strip()
        assert len(token.nonce) <= 128
        assert token.created_at


def test_the_digest_is_the_one_of_the_standard() -> None:
    # Base64(SHA-1("nonce" + created + "password")), computed with openssl.
    assert password_digest(b"nonce", "2026-03-01T08:00:00Z", "password") == "QnEeFylK77LWiAvwodaTN9DeeWY="


# ── nonces ───────────────────────────────────────────────────────────────────────────────────────────


async def test_expired_nonces_are_purged_and_fresh_ones_stay(state: State) -> None:
    clock = [NOW]
    nonces = Nonces(state, now=lambda: clock[0])
    assert await nonces.use("his", b"old", NOW + 10)
    assert await nonces.use("his", b"fresh", NOW + FRESH)
    clock[0] += 61
    assert await nonces.use("his", b"new", clock[0] + FRESH)
    count = await state.read(lambda connection: connection.scalar(select(func.count()).select_from(nonce_table)))
    assert count == 2
    assert not await nonces.use("his", b"fresh", NOW + FRESH)


async def test_the_same_nonce_of_another_user_is_another_nonce(state: State) -> None:
    nonces = Nonces(state, now=lambda: NOW)
    assert await nonces.use("his", b"n", NOW + FRESH)
    assert await nonces.use("emr", b"n", NOW + FRESH)


class BrokenState:
    """A store that cannot be written."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def write(self, work: Callable[[Connection], T]) -> T:
        raise self.error

    async def read(self, work: Callable[[Connection], T]) -> T:
        raise self.error


@pytest.mark.parametrize("error", [StateUnavailable("disk full"), OperationalError("insert", {}, Exception("locked"))])
async def test_a_store_that_cannot_answer_lets_nobody_in(error: Exception) -> None:
    identities = CredentialIdentities(BrokenState(error), now=lambda: NOW)
    with pytest.raises(StateUnavailable):
        await identities.identify(message({}, security()), SNAPSHOT)


# ── passwords ────────────────────────────────────────────────────────────────────────────────────────


class Slow:
    """Counts how often the slow comparison really runs."""

    def __init__(self) -> None:
        self.runs = 0

    def __call__(self, password: str, line: str) -> bool:
        self.runs += 1
        return line == f"plain:{password}"


async def test_a_busy_caller_pays_for_its_password_once_in_five_minutes() -> None:
    slow, clock = Slow(), [0.0]
    passwords = Passwords(slow, lambda: clock[0])
    assert all(await asyncio.gather(*(passwords.match("a", "plain:a") for _ in range(50))))
    assert slow.runs <= 2
    runs = slow.runs
    clock[0] = RIGHT_FOR
    assert await passwords.match("a", "plain:a")
    assert slow.runs == runs + 1


async def test_a_wrong_password_is_remembered_for_a_shorter_time() -> None:
    slow, clock = Slow(), [0.0]
    passwords = Passwords(slow, lambda: clock[0])
    assert not await passwords.match("b", "plain:a")
    assert not await passwords.match("b", "plain:a")
    clock[0] = WRONG_FOR
    assert not await passwords.match("b", "plain:a")
    assert slow.runs == 2


async def test_a_changed_password_counts_at_once() -> None:
    passwords = Passwords(Slow())
    assert await passwords.match("a", "plain:a")
    assert not await passwords.match("a", "plain:b")


async def test_an_unknown_user_takes_as_long_as_a_wrong_password(state: State) -> None:
    checked: list[str] = []

    def check(password: str, line: str) -> bool:
        checked.append(line)
        return False

    identities = CredentialIdentities(state, passwords=Passwords(check))
    with pytest.raises(NotAuthenticated):
        await identities.identify(message(basic("nobody:word")), SNAPSHOT)
    assert [line.rpartition("$")[0].rpartition("$")[0] for line in checked] == ["scrypt$16384$8$1"]
