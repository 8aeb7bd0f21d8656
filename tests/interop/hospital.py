"""The hospital of the suite: one laboratory behind the bus in three ways, with a tap before every provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from interop.programs import HERE, need, started
from interop.relay import Relay, relaying
from interop.tap import Tap, before, listening
from served_bus import PASSWORD, ServedBus

from services.demo.environment import free_port

HOSPITAL = HERE / "hospital"


@dataclass(frozen=True, slots=True)
class Contract:
    """One of the ways in which a client meets a service; ``refusal`` is the fault code of the provider's refusal."""

    name: str
    title: str
    refusal: str


CONTRACTS = (
    Contract("passed", "passed through to PHP's SoapServer, whose own WSDL is published", "Client"),
    Contract("generated", "a REST provider behind a WSDL generated from JSON Schemas", "Server"),
    Contract("bridged", "a REST provider behind the WSDL of the SOAP service that it replaced", "Server"),
)


@dataclass(frozen=True, slots=True)
class Laboratory:
    """The bus, the relay before it that its callers know, and the tap before the provider of each service."""

    bus: ServedBus
    relay: Relay
    taps: dict[str, Tap]

    def wsdl(self, service: str) -> str:
        """Where the bus publishes the contract of a service."""
        return f"http://127.0.0.1:{self.relay.port}/soap/{service}?wsdl"


def rest_provider(path: str, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes]:
    """A REST laboratory: gives the sample back byte for byte, or refuses."""
    if path == "/echo":
        return 200, "application/json", body.replace(b'"sample"', b'"result"', 1)
    problem = {"type": "about:blank", "status": 422, "title": f"拒收：{json.loads(body)['text']}"}
    return 422, "application/problem+json", json.dumps(problem, ensure_ascii=False).encode()


@contextmanager
def laboratory_open(folder: Path) -> Iterator[Laboratory]:
    """The laboratory with all its providers and the bus before them."""
    need("php", packages="php-cli php-soap")
    port = free_port()
    script = str(HERE / "servers" / "server.php")
    environ = {"LAB_WSDL": str(HOSPITAL / "contracts" / "lab.wsdl"), "PHP_CLI_SERVER_WORKERS": "2"}
    with (
        started(["php", "-S", f"127.0.0.1:{port}", script], port, folder / "php.log", environ),
        before(f"http://127.0.0.1:{port}/") as passed,
        listening(rest_provider) as rest,
    ):
        bus = ServedBus(folder, {"PASSED_URL": passed.url, "REST_URL": rest.url}, HOSPITAL)
        with relaying(bus.port) as relay:
            bus.environ["MERIDIAN_PUBLIC_URL"] = f"http://127.0.0.1:{relay.port}"
            try:
                yield Laboratory(bus.start(), relay, {"passed": passed, "generated": rest, "bridged": rest})
            finally:
                bus.stop()


#: What a driver logs in with.
LOGIN = {"WARD_USER": "ward", "WARD_PASSWORD": PASSWORD}
