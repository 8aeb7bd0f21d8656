"""What the gateway tells of itself: that it lives, whether it is ready, its metrics, and the contracts it serves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import orjson

from bus.errors import FaceNotOffered, NotFound
from bus.gateway.address import fields_of, rest_target, soap_target
from bus.gateway.answer import Answer, Scope
from bus.gateway.problems import rest_error
from bus.gateway.requests import raw_path, unread_message
from bus.hops.resolve import find_version
from bus.message import Target
from bus.ports import SnapshotSource
from registry.contracts.openapi_publish import publish_openapi
from registry.contracts.publish import publish, publish_single
from registry.vendor_paths import VendorPath
from transformers.errors import MeridianError

#: Why the bus cannot keep its promises now, in words; nothing when it can.
Ready: TypeAlias = Callable[[], Awaitable[Sequence[str]]]

#: What a query asks for a contract by, in lower case (ASMX writes ?WSDL, WCF ?singleWsdl).
_CONTRACTS = frozenset({"wsdl", "singlewsdl", "xsd"})

_METRICS = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of one gateway. ``base_url`` stands in every contract, whatever Host a caller sends."""

    registry: SnapshotSource
    base_url: str
    ready: Ready
    notes: Callable[[], Sequence[str]]
    metrics: Callable[[], bytes]

    async def page(self, scope: Scope) -> Answer | None:
        """The answer of ``/healthz``, ``/readyz`` or ``/metrics``; None for any other path or method."""
        path: str = scope["path"]
        if path not in ("/healthz", "/readyz", "/metrics") or scope["method"] not in ("GET", "HEAD"):
            return None
        if path == "/healthz":
            return Answer(200, "application/json", b'{"alive":true}')
        if path == "/metrics":
            return Answer(200, _METRICS, self.metrics())
        causes = await self.ready()
        told = {"causes": list(causes), "notes": list(self.notes()), "revision": self.registry.snapshot.revision}
        body = orjson.dumps({"ready": not causes, **told})
        return Answer(503 if causes else 200, "application/json", body)

    def contract(self, scope: Scope) -> Answer | None:
        """The answer of ``?wsdl``, ``?singleWsdl`` and ``?xsd=name``; None when the query asks for none of them."""
        return self._published(scope, lambda: soap_target(raw_path(scope), "", ""), "")

    async def description(self, scope: Scope) -> Answer | None:
        """The answer of ``/rest/<service>[/v/<version>]/openapi.json`` and of ``?openapi``, which is OpenAPI 3.1.

        None for anything else, and where an operation of the service has that very address.
        """
        path, query = scope["path"], scope.get("query_string", b"")
        if not path.endswith("/openapi.json") and query.lower() not in (b"openapi", b"openapi="):
            return None
        try:
            target = rest_target("GET", raw_path(scope), "")
            if target.path not in ("/", "/openapi.json"):
                return None
            version = find_version(self.registry.snapshot, target.service, target.version)
            if any(route.method == "GET" and route.match(target.path) is not None for route in version.routes):
                return None
            document = await asyncio.to_thread(publish_openapi, version, self.base_url)
            if document is None:
                raise FaceNotOffered(f"{version.service} is not offered over REST; its contract is its WSDL")
        except MeridianError as error:
            return rest_error(error, unread_message("rest", scope), "zh")
        return Answer(200, "application/json", orjson.dumps(document, option=orjson.OPT_INDENT_2))

    def contract_at(self, vendor: VendorPath, scope: Scope) -> Answer | None:
        """The same at a vendor's path, which then is the address in the contract too."""
        return self._published(scope, lambda: Target(vendor.service, vendor.version), vendor.path)

    def _published(self, scope: Scope, target_of: Callable[[], Target], path: str) -> Answer | None:
        try:
            asked = {name.lower(): value for name, value in fields_of(scope.get("query_string", b"").decode("latin-1"))}
            if asked.keys().isdisjoint(_CONTRACTS):
                return None
            target = target_of()
            version = find_version(self.registry.snapshot, target.service, target.version)
            if "singlewsdl" in asked:
                document = publish_single(version, self.base_url, path)
            else:
                document = publish(version, asked.get("xsd") or asked.get("wsdl") or "", self.base_url, path)
            if document is None:
                raise NotFound(f"{version.service} version {version.version} publishes no such contract")
        except MeridianError as error:
            return rest_error(error, unread_message("soap", scope), "zh")
        return Answer(200, "text/xml; charset=utf-8", document)
