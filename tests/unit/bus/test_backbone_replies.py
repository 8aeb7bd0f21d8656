"""Replies that go to an address of their own: where they may go, and what becomes of a letter."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from provider_messages import message_to

from bus.backbone.replies import Replies, pack_reply
from bus.errors import BusError, NotPermitted, ProviderUnavailable, ProviderUnreachable
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


async def delivered(client: Client, one: Letter, *addresses: str) -> Sequence[Letter]:
    async def resolve(host: str) -> Sequence[str]:
        if not addresses:
            raise OSError
        return addresses

    return await Replies(client, resolve=resolve)(one, redelivered=False)


async def test_a_reply_is_posted_as_it_is_to_the_address_it_asked_for() -> None:
    client = Client(202)
    assert await delivered(client, letter(), "10.1.2.3") == ()
    (sent,) = client.sent
    assert (sent.method, sent.url, sent.body) == ("POST", "http://his.example/cb", b"<a/>")
    assert sent.headers == {"Content-Type": "text/xml"}


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "169.254.169.254", "::1", "fe80::1%eth0", "0.0.0.0", "::ffff:127.0.0.1"]
)
async def test_a_name_that_leads_to_this_machine_or_its_link_gets_nothing(address: str) -> None:
    client = Client()
    with pytest.raises(NotPermitted):
        await delivered(client, letter(), "10.1.2.3", address)
    assert client.sent == []


async def test_an_address_that_an_administrator_wrote_out_may_be_this_machine() -> None:
    client = Client()
    await delivered(client, letter("http://127.0.0.1:9000/cb"))
    assert len(client.sent) == 1


async def test_what_will_pass_is_tried_again_and_what_will_not_joins_the_dead() -> None:
    with pytest.raises(ProviderUnavailable):
        await delivered(Client(503), letter(), "10.1.2.3")
    with pytest.raises(NotPermitted):
        await delivered(Client(404), letter(), "10.1.2.3")
    with pytest.raises(ProviderUnreachable):
        await delivered(Client(), letter())
    with pytest.raises(BusError, match="not a reply"):
        await delivered(Client(), Letter("r", "replies", b"{}"))
