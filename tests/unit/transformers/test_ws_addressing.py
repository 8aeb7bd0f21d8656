"""WS-Addressing headers: read, answered in their own version, written, checked."""

from __future__ import annotations

import pytest
from lxml import etree

from transformers import ns
from transformers.errors import AddressingInvalid
from transformers.soap import Envelope, SoapVersion, open_envelope
from transformers.ws_addressing import (
    add_blocks,
    check_related,
    read_addressing,
    reply_blocks,
    request_blocks,
    without_addressing,
)
from transformers.xml import parse

ID = "0192f0c1" + "0" * 24
URN = "urn:uuid:0192f0c1-0000-0000-0000-000000000000"


def envelope(blocks: str, space: str = ns.WSA) -> Envelope:
    return open_envelope(
        parse(
            f'<s:Envelope xmlns:s="{ns.SOAP11}" xmlns:a="{space}"><s:Header>{blocks}</s:Header>'
            "<s:Body><x/></s:Body></s:Envelope>".encode()
        )
    )


def texts(blocks: tuple[etree._Element, ...]) -> dict[str, str | None]:
    return {etree.QName(block).localname: block.text for block in blocks}


@pytest.mark.parametrize("space", [ns.WSA, ns.WSA_2004])
def test_a_request_is_answered_in_its_own_version_of_addressing(space: str) -> None:
    found = read_addressing(
        envelope("<a:MessageID>urn:1</a:MessageID><a:Action>urn:Do</a:Action><a:To>urn:x</a:To>", space)
    )
    assert found is not None
    assert (found.namespace, found.message_id, found.action) == (space, "urn:1", "urn:Do")
    blocks = reply_blocks(found, ID)
    assert {etree.QName(block).namespace for block in blocks} == {space}
    assert texts(blocks) == {"Action": "urn:DoResponse", "MessageID": URN, "RelatesTo": "urn:1"}


def test_a_fault_bears_the_action_that_the_standard_gives_it() -> None:
    new, old = (read_addressing(envelope("<a:MessageID>urn:1</a:MessageID>", space)) for space in (ns.WSA, ns.WSA_2004))
    assert new is not None
    assert old is not None
    assert texts(reply_blocks(new, ID, fault="soap"))["Action"] == f"{ns.WSA}/soap/fault"
    assert texts(reply_blocks(new, ID, fault="addressing"))["Action"] == f"{ns.WSA}/fault"
    assert texts(reply_blocks(old, ID, fault="soap"))["Action"] == f"{ns.WSA_2004}/fault"


def test_an_envelope_without_addressing_says_nothing() -> None:
    assert read_addressing(envelope('<b xmlns="urn:b"/>')) is None


def test_an_anonymous_reply_address_means_the_connection_and_its_parameters_come_back() -> None:
    found = read_addressing(
        envelope(
            f"<a:ReplyTo><a:Address>{ns.WSA}/anonymous</a:Address>"
            '<a:ReferenceParameters><p xmlns="urn:p">7</p></a:ReferenceParameters></a:ReplyTo>'
        )
    )
    assert found is not None
    assert found.reply_to is None
    parameter = reply_blocks(found, ID)[-1]
    assert (parameter.tag, parameter.text, parameter.get(f"{{{ns.WSA}}}IsReferenceParameter")) == (
        "{urn:p}p",
        "7",
        "true",
    )


def test_another_reply_address_is_read_and_not_judged() -> None:
    found = read_addressing(envelope("<a:ReplyTo><a:Address>http://his/cb</a:Address></a:ReplyTo>"))
    assert found is not None
    assert found.reply_to is not None
    assert found.reply_to.address == "http://his/cb"


@pytest.mark.parametrize(
    "blocks",
    [
        "<a:MessageID>1</a:MessageID><a:MessageID>2</a:MessageID>",
        "<a:ReplyTo/>",
        "<a:ReplyTo><a:Address>x</a:Address><a:Address>y</a:Address></a:ReplyTo>",
        f"<a:MessageID>{'x' * 2000}</a:MessageID>",
        f'<a:MessageID>1</a:MessageID><b:Action xmlns:b="{ns.WSA_2004}">2</b:Action>',
    ],
)
def test_headers_that_contradict_or_overflow_are_refused(blocks: str) -> None:
    with pytest.raises(AddressingInvalid):
        read_addressing(envelope(blocks))


def test_headers_for_another_node_are_not_ours_to_read() -> None:
    assert read_addressing(envelope('<a:MessageID s:actor="urn:somebody">1</a:MessageID>')) is None


def test_what_was_meant_for_the_bus_goes_no_further() -> None:
    rest = without_addressing(envelope('<a:To>x</a:To><b xmlns="urn:b"/><a:Action>y</a:Action>'))
    assert [block.tag for block in rest.headers] == ["{urn:b}b"]
    assert [block.tag for block in rest.root[0]] == ["{urn:b}b"]


def test_a_request_of_ours_replaces_headers_that_were_there() -> None:
    opened = envelope("<a:To>old</a:To>")
    add_blocks(opened.root, SoapVersion.V11, request_blocks(ID, "urn:Do", "http://lis/"))
    found = read_addressing(open_envelope(opened.root))
    assert found is not None
    assert (found.message_id, found.action, found.reply_to) == (URN, "urn:Do", None)


def test_a_reply_must_be_the_one_to_our_request_where_it_says_which() -> None:
    check_related(envelope(f"<a:RelatesTo>{URN}</a:RelatesTo>"), ID)
    check_related(envelope("<a:Action>urn:x</a:Action>"), ID)
    with pytest.raises(AddressingInvalid, match="another request"):
        check_related(envelope("<a:RelatesTo>urn:uuid:other</a:RelatesTo>"), ID)
