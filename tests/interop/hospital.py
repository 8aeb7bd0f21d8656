"""The hospital of the suite: one laboratory behind the bus in three ways, with a tap before every provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from interop.programs import HERE, need
from interop.relay import Relay, relaying
from interop.running import Running
from interop.servers import SERVERS
from interop.tap import Tap, before, listening
from served_bus import PASSWORD, ServedBus

HOSPITAL = HERE / "hospital"


@dataclass(frozen=True, slots=True)
class Contract:
    """One of the ways in which a client meets a service."""

    name: str
    title: str


CONTRACTS = (
    Contract("passed", "passed through to PHP's SoapServer, whose own WSDL is published"),
    Contract("generated", "a REST provider behind a WSDL generated from JSON Schemas"),
    Contract("bridged", "a REST provider behind the WSDL of the SOAP service that it replaced"),
)


@dataclass(frozen=True, slots=True)
class Laboratory:
    """The bus, the relay before it that its callers know, and the tap before the provider of each service.

    ``missing`` holds, by the name of a foreign server, the outcome of a test that needs it while it is not here.
    """

    bus: ServedBus
    relay: Relay
    taps: dict[str, Tap]
    missing: dict[str, BaseException]

    @property
    def url(self) -> str:
        """The address by which callers know the bus."""
        return f"http://127.0.0.1:{self.relay.port}"

    def wsdl(self, service: str) -> str:
        """Where the bus publishes the contract of a service."""
        return f"{self.url}/soap/{service}?wsdl"


def rest_provider(path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
    """A REST laboratory: gives the sample back byte for byte, or refuses."""
    if path == "/echo":
        return 200, "application/json", body.replace(b'"sample"', b'"result"', 1)
    problem = {"type": "about:blank", "status": 422, "title": f"拒收：{json.loads(body)['text']}"}
    return 422, "application/problem+json", json.dumps(problem, ensure_ascii=False).encode()


@contextmanager
def laboratory_open(folder: Path) -> Iterator[Laboratory]:
    """The laboratory with every provider that this machine has, and the bus before them."""
    need("php", packages="php-cli php-soap")
    taps: dict[str, Tap] = {}
    missing: dict[str, BaseException] = {}
    with ExitStack() as stack:
        rest = stack.enter_context(listening(rest_provider))
        bus = ServedBus(folder, {"REST_URL": rest.url}, HOSPITAL)
        for server in SERVERS:
            try:
                running = stack.enter_context(server.start(folder))
            except (Exception, pytest.skip.Exception, pytest.fail.Exception) as outcome:
                missing[server.name] = outcome
                continue
            taps[server.name] = stack.enter_context(before(running.url))
            _register(bus.catalogue / "servers" / server.name, server.name, running, taps[server.name].url)
        relay = stack.enter_context(relaying(bus.port))
        bus.environ["PASSED_URL"] = taps["php"].url
        bus.environ["MERIDIAN_PUBLIC_URL"] = f"http://127.0.0.1:{relay.port}"
        stack.callback(bus.stop)
        taps |= {"passed": taps["php"], "generated": rest, "bridged": rest}
        yield Laboratory(bus.start(), relay, taps, missing)


def _register(folder: Path, name: str, running: Running, url: str) -> None:
    """Write the service of a foreign server as an integration team would: its contract, and where it is."""
    folder.mkdir(parents=True)
    for file, data in running.contract.items():
        (folder / file).write_bytes(data)
    (folder / "service.yaml").write_text(SERVICE.format(name=name, url=url))


#: Every operation is bound by the contract, so that the manifest need not name any.
SERVICE = """\
kind: Service
name: {name}
system: laboratory
versions:
  - version: "1"
    contract: {{wsdl: lab.wsdl}}
    provider: {{protocol: soap11, endpoints: [{{url: "{url}"}}]}}
    policy: {{timeout: 20, retries: 0}}
"""

#: What a driver logs in with.
LOGIN = {"WARD_USER": "ward", "WARD_PASSWORD": PASSWORD}
