"""Unmodified foreign clients call what they know only from the bus's own WSDL."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from interop.cases import CASES, Case
from interop.clients import CLIENTS, Client
from interop.conversation import Told, converse
from interop.hospital import CONTRACTS, LOGIN, Contract, Laboratory
from interop.sample import filled, from_json, from_line, from_xml
from interop.ways import PROOF

Talks = dict[tuple[str, str], dict[str, Told]]


@pytest.fixture(scope="session")
def talks() -> Talks:
    return {}


@pytest.fixture
def talk(client: Client, contract: Contract, laboratory: Laboratory, talks: Talks) -> dict[str, Told]:
    """The whole conversation of this client with this service, held once."""
    key = (client.name, contract.name)
    if key not in talks:
        command = client.command(laboratory.wsdl(contract.name))
        possible = [case for case in CASES if case.name not in {"import", *client.cannot}]
        talks[key] = converse(command, LOGIN, possible, laboratory.relay, laboratory.taps[contract.name])
    return talks[key]


@pytest.mark.parametrize("case", CASES, ids=lambda each: each.name)
@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda each: each.name)
@pytest.mark.parametrize("client", CLIENTS, ids=lambda each: each.name)
def test_the_provider_hears_and_the_client_reads_what_was_sent(
    case: Case,
    client: Client,
    contract: Contract,
    talk: dict[str, Told],
    record_property: Callable[[str, object], None],
) -> None:
    record_property("cell", (case.name, client.name, contract.name))
    if case.name in client.cannot:
        pytest.skip(f"n/a: {client.cannot[case.name]}")
    told = talk[case.name]
    if case.name == "import":
        assert told.kind == "answer", told.rest
        return
    assert PROOF[case.way](told.sent), f"not sent as {case.way}: {told.sent[:2000]!r}"
    if case.fault:
        assert told.kind == "fault", told.rest
        code, _, reason = told.rest.partition("\t")
        assert code.rpartition(":")[2].partition(".")[0] == case.fault, told.rest
        if case.operation == "Refuse":
            assert case.sample[0][1] in reason, told.rest
        else:
            assert not told.heard, "the provider was called"
        return
    assert told.kind == "answer", told.rest
    heard = from_xml(told.heard) if contract.name == "passed" else from_json(told.heard)
    assert heard == filled(case.sample, client.fills)
    assert from_line(told.rest) in (case.sample, client.reads.get(case.name, case.sample))
