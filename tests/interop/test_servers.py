"""Unmodified foreign servers stand behind the bus, which speaks to each as its contract says, whoever calls."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from interop.cases import PLAIN, Case
from interop.faces import FACES, Face
from interop.hospital import Laboratory
from interop.sample import filled, from_xml
from interop.servers import SERVERS, Server


@pytest.mark.parametrize("case", PLAIN, ids=lambda each: each.name)
@pytest.mark.parametrize("face", FACES, ids=lambda each: each.name)
@pytest.mark.parametrize("server", SERVERS, ids=lambda each: each.name)
def test_the_server_hears_what_was_sent_and_the_caller_what_it_said(
    case: Case,
    face: Face,
    server: Server,
    laboratory: Laboratory,
    record_property: Callable[[str, object], None],
) -> None:
    record_property("cell", (case.name, server.name, face.name))
    if server.name in laboratory.missing:
        raise laboratory.missing[server.name]
    tap = laboratory.taps[server.name]
    tap.forget()
    answer = face.call(f"{laboratory.url}/{face.path}/{server.name}", case)
    if case.operation == "Refuse":
        assert answer.refused, answer.text
        assert f"拒收：{case.sample[0][1]}" in answer.text
        return
    assert not answer.refused, answer.text
    demanded = server.demands if face.path == "soap" else ()
    assert from_xml(tap.heard) == filled(case.sample, demanded)
    said = from_xml(tap.said)
    assert said == server.says.get(case.name, filled(case.sample, server.fills))
    assert answer.sample == said
