"""Messages that were good once, or in another place: replayed, rewrapped, tampered with, or referring to themselves."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import rpc_contract
from certificates import identity
from lxml import etree
from served_bus import KEY
from target import SOAP11, Answer, Target, envelope, order

from transformers.ws_message import protect
from transformers.xml import parse, serialise

pytestmark = pytest.mark.integration

WSA = "http://www.w3.org/2005/08/addressing"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
BODY = f"{{{SOAP11}}}Body"

Forge = Callable[[Any], None]


def signed(visit: str) -> Any:
    """An order of the signer, as its receiver parses it."""
    root = parse(envelope(order(visit=visit)).encode())
    protect(root, identity("his"), time.time())
    return parse(serialise(root))


def by_signer(target: Target, root: Any) -> Answer:
    """Post a message that nothing but its signature vouches for."""
    return target.soap(serialise(root), X_API_Key="")


def tampered(root: Any) -> None:
    """A value of the signed Body is another one."""
    next(root.iter("{urn:example:lab}visitNo")).text = "V666"


def rewrapped(root: Any) -> None:
    """The signed Body stands in a header, and a forged one in its place."""
    real = root.find(BODY)
    forged = parse(serialise(real))
    tampered(forged)
    for name in [each for each in forged.attrib if str(each).endswith("Id")]:
        del forged.attrib[name]
    root.replace(real, forged)
    etree.SubElement(root[0], "{urn:wrapper}Wrapper").append(real)


def doubled(root: Any) -> None:
    """The signed Body stands in a header, and a forged one has its id."""
    real = root.find(BODY)
    forged = parse(serialise(real))
    tampered(forged)
    root.replace(real, forged)
    etree.SubElement(root[0], "{urn:wrapper}Wrapper").append(real)


def unsigned(root: Any) -> None:
    """The signature is gone, and the timestamp that it covered is not."""
    for each in list(root.iter("{http://www.w3.org/2000/09/xmldsig#}Signature")):
        each.getparent().remove(each)


@pytest.mark.parametrize("forge", [tampered, rewrapped, doubled, unsigned], ids=lambda forge: forge.__name__)
def test_a_signature_counts_for_nothing_but_what_it_covers(target: Target, forge: Forge) -> None:
    sent = len(target.hostile.bodies)
    root = signed("V21")
    forge(root)
    target.refused(lambda: by_signer(target, root), "security", "not-authenticated", status=401)
    assert len(target.hostile.bodies) == sent


def test_a_signed_message_counts_once(target: Target) -> None:
    root = signed("V22")
    answer = by_signer(target, root)
    assert answer.status == 200, answer.words
    target.refused(lambda: by_signer(target, root), "security", "not-authenticated", status=401)


@pytest.mark.parametrize("inserted", ["<!-- x -->", "<?p i?>"])
def test_what_canonical_form_leaves_out_of_a_signed_value_does_not_cut_it_short(target: Target, inserted: str) -> None:
    document = serialise(signed(f"V2{len(inserted)}7")).replace(b"</visitNo>", f"{inserted}</visitNo>".encode())
    answer = target.soap(document, X_API_Key="")
    if answer.status == 200:
        record = target.record(answer)
        assert record is not None
        assert dict(record.keys)["visit_no"] == f"V2{len(inserted)}7"
    else:  # a processing instruction is part of the canonical form, so the signature no longer holds
        target.refused(lambda: target.soap(document, X_API_Key=""), "security", "not-authenticated", status=401)


def token(nonce: str, age: int = 0) -> str:
    """The header of somebody who knows the password."""
    created = (datetime.now(UTC) - timedelta(seconds=age)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (
        f'<w:Security xmlns:w="{WSSE}" xmlns:u="{WSU}"><w:UsernameToken><w:Username>token</w:Username>'
        f"<w:Password>invented-{KEY}</w:Password><w:Nonce>{nonce}</w:Nonce><u:Created>{created}</u:Created>"
        "</w:UsernameToken></w:Security>"
    )


def test_a_token_counts_once_and_for_five_minutes(target: Target) -> None:
    fresh = envelope(order(visit="V31"), header=token("bm9uY2UtMzE="))
    answer = target.soap(fresh, X_API_Key="")
    assert answer.status == 200, answer.words
    target.refused(lambda: target.soap(fresh, X_API_Key=""), "not-authenticated", status=401)
    stale = envelope(order(visit="V32"), header=token("bm9uY2UtMzI=", age=600))
    target.refused(lambda: target.soap(stale, X_API_Key=""), "not-authenticated", status=401)


def test_a_message_id_counts_once_where_it_must(target: Target) -> None:
    header = f'<a:MessageID xmlns:a="{WSA}">urn:uuid:once-1</a:MessageID>'
    body = envelope(order(visit="V41"), header=header)
    answer = target.soap(body, X_API_Key=f"once-{KEY}")
    assert answer.status == 200, answer.words
    for again in (body, envelope(order(visit="V42"), header=header), envelope(order(visit="V43"))):
        target.refused(lambda again=again: target.soap(again, X_API_Key=f"once-{KEY}"), "not-authenticated")


PLACE = '<n:Place xmlns:n="urn:lab:2003">{}</n:Place>{}'

ENCODED = {
    "a circle of references": PLACE.format(
        '<items href="#a"/>', '<v id="a"><i href="#b"/></v><v id="b"><i href="#a"/></v>'
    ),
    "an element that holds itself": PLACE.format('<items id="a"><i href="#a"/></items>', ""),
    "a reference to nothing": PLACE.format('<items href="#gone"/>', ""),
    "a reference to an address": PLACE.format('<items href="http://127.0.0.1/canary-href"/>', ""),
    "references that unfold to a billion": PLACE.format(
        '<items href="#l0"/>',
        "".join(f'<v id="l{n}">' + f'<i href="#l{n + 1}"/>' * 10 + "</v>" for n in range(9)) + '<v id="l9"/>',
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", ENCODED)
def test_references_of_soaps_own_encoding_end_as_faults(target: Target, kind: str) -> None:
    message = rpc_contract.envelope(ENCODED[kind])
    target.refused(lambda: target.soap(message, "/soap/oldlab", SOAPAction='""'), "envelope", "contract", "too-large")
    assert target.hostile.asked("canary-oldlab") == []
