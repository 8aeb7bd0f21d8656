"""Replies that go to an address of their own: where they may go, and what becomes of a letter."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from provider_messages import message_to

from bus.backbone.replies import Replies, pack_reply
from bus.errors import BusError, NotPermitted, ProviderUnavailable
from bus.ports import Inbound, Letter, Outbound


class Client:
    """Answers one status; keeps what it was sent."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.sent: list[Outbound] = []

    async def send(self, outbound: Outbound) -> Inbound:
        self.sent.append(outbound)
        return Inbound(self.status, {}, b"")


def letter(url: str = "http://his.example/cb") -> Letter:
    return Letter("r", "replies", pack_reply(url, message_to("http://lis", content_type="text/xml", body=b"<a/>")))


async def delivered(client: Client, one: Letter) -> Sequence[Letter]:
    return await Replies(client)(one, redelivered=False)


async def test_a_reply_is_posted_as_it_is_to_the_address_it_asked_for() -> None:
    client = Client(202)
    assert await delivered(client, letter()) == ()
    (sent,) = client.sent
    assert (sent.method, sent.url, sent.body) == ("POST", "http://his.example/cb", b"<a/>")
    assert sent.headers == {"Content-Type": "text/xml"}


async def test_what_will_pass_is_tried_again_and_what_will_not_joins_the_dead() -> None:
    with pytest.raises(ProviderUnavailable):
        await delivered(Client(503), letter())
    with pytest.raises(NotPermitted):
        await delivered(Client(404), letter())
    with pytest.raises(BusError, match="not a reply"):
        await delivered(Client(), Letter("r", "replies", b"{}"))
