"""The one place that wires: settings in, a bus that can be started and stopped out."""

from __future__ import annotations

import os

import structlog

from bus.backbone.dead_letters import DeadLetters
from bus.backbone.outbox import SqlOutbox, unfinished, unfinished_by_service
from bus.backbone.parking import count_lanes, count_parked
from bus.backbone.relay import Pace
from bus.backbone.runtime import Backbone
from bus.backbone.transports import open_transport
from bus.connectors.connector import ProviderConnector
from bus.connectors.http import AioHttpClient
from bus.connectors.outward import Outward
from bus.downtime.desk import Desk
from bus.downtime.memory import ReplyMemory
from bus.downtime.view import Calendar
from bus.gateway.answer import AsgiApp
from bus.gateway.asgi import Gateway
from bus.health import Health
from bus.journal.open import open_journal
from bus.listeners import Listener
from bus.listening import Listeners
from bus.orchestration.instances import Instances
from bus.orchestration.worker import Worker
from bus.parked import Parked
from bus.pipeline import Pipeline
from bus.ports import Ports
from bus.registry import SHIPPED, open_store
from bus.resilience.pressure import Load, Pressure, bounds_of
from bus.roles import Role
from bus.security.identities import CredentialIdentities
from bus.security.quota import SharedBuckets
from bus.security.rate import TokenBuckets
from bus.security.users import Users
from bus.settings import Settings
from bus.state.store import State
from bus.telemetry.metrics import Metrics
from registry.errors import RegistryError, RegistryUnavailable
from registry.live import LiveRegistry
from registry.source import read_folder

_log = structlog.get_logger(__name__)

#: A relay on its own hears of no letter that another process posts, so it looks more often.
RELAY_ALONE = Pace(poll=0.05)


class Bus:
    """One process's bus: every part made once, in the order it depends on the others.

    The doors of a role that is not asked for stay shut.
    """

    def __init__(self, settings: Settings, roles: frozenset[Role]) -> None:
        self.settings = settings
        self._roles = roles
        self.metrics = Metrics()
        self.store = open_store(settings)
        self.registry = LiveRegistry(self.store, os.environ, on_problem=_warn)
        self.journal, self.reader = open_journal(settings)
        self.state = State(settings)
        self.downtimes = Calendar(self.state)
        self.memory = ReplyMemory(self.state)
        self._http = AioHttpClient(settings)
        self._replies = AioHttpClient(settings, resolver=Outward)
        self.connector = ProviderConnector(self._http, max_attachments=settings.max_attachments)
        self.pressure = Pressure(settings, self._load, lambda: bounds_of(self.registry.snapshot))
        ports = Ports(
            settings=settings,
            registry=self.registry,
            journal=self.journal,
            identities=CredentialIdentities(self.state, on_refusal=self.metrics.refused),
            limiter=SharedBuckets(self.state) if self.state.shared else TokenBuckets(),
            connector=self.connector,
            outbox=SqlOutbox(self.state),
            pressure=self.pressure,
            downtimes=self.downtimes,
            memory=self.memory,
        )
        self.pipeline = Pipeline(ports, observe=self.metrics.observe)
        self.transport = open_transport(settings)
        self.backbone = self._backbone()
        self.health = Health(self.state, self.registry, self.pressure, self.transport)
        self.doors = self._doors(ports, self._console() if "console" in roles else None)
        self.listeners = Listeners(
            self._listeners(),
            self._doors(ports, None),
            shared=settings.workers > 1,
            drain=settings.drain,
        )

    async def start(self) -> None:
        """Bring everything up, in order; raises when a store cannot be opened."""
        self._seed()
        self.registry.refresh()
        self.registry.watch()
        await self.state.start()
        await self.downtimes.start()
        await self.memory.start()
        await self.journal.start()
        self.connector.start(self.registry)
        self._watch()
        if "gateway" in self._roles:
            await self.pressure.start()
        if self.backbone is not None:
            await self.backbone.start()
        await self.listeners.start()
        _log.info("started", roles=sorted(self._roles), revision=self.registry.snapshot.revision)

    def notice(self) -> None:
        """Say at ``/readyz`` that this process stops soon, and go on serving."""
        self.health.stop()
        _log.info("stopping soon", seconds=self.settings.drain_notice)

    async def stop(self) -> None:
        """Take nothing new, let what is under way end, and close the stores last."""
        self.doors.drain()
        await self.listeners.stop()
        if self.backbone is not None:
            await self.backbone.stop(drain=self.settings.drain)
        await self.pressure.stop()
        await self.connector.stop()
        await self._http.aclose()
        await self._replies.aclose()
        await self.journal.aclose()
        await self.memory.stop()
        await self.downtimes.stop()
        await self.state.aclose()
        self.registry.stop()
        self.store.close()
        _log.info("stopped")

    def _watch(self) -> None:
        """What a scrape of ``/metrics`` sees beside the exchanges themselves."""
        self.metrics.watch_endpoints(self.connector.describe)
        self.metrics.watch(
            "meridian_outbox_letters",
            "Accepted letters that are not finished",
            lambda: float(self.state.read_blocking(unfinished)),
        )
        self.metrics.watch_pressure(self.pressure)
        self.metrics.watch(
            "meridian_parked_letters",
            "Letters that wait for a person",
            lambda: float(self.state.read_blocking(count_parked)),
        )
        self.metrics.watch(
            "meridian_lanes_held",
            "Lanes in which a parked letter holds up the rest",
            lambda: float(self.state.read_blocking(count_lanes)),
        )
        self.metrics.watch(
            "meridian_unmapped_codes",
            "Codes that no code table knew, since the start",
            lambda: float(sum(self.registry.unmapped.totals().values())),
        )

    async def _load(self) -> Load:
        return await self.state.read(lambda found: Load(unfinished(found), unfinished_by_service(found)))

    def _backbone(self) -> Worker | Backbone | None:
        relays = "relay" in self._roles
        if "worker" in self._roles:
            return Worker(
                self.state,
                self.transport,
                self.registry,
                self.pipeline,
                http=self._replies,
                concurrency=self.settings.worker_concurrency,
                downtimes=self.downtimes,
                relays=relays,
                keep_days=self.settings.workflow_days,
            )
        if relays:
            return Backbone(self.state, self.transport, pace=RELAY_ALONE, downtimes=self.downtimes)
        return None

    def _listeners(self) -> tuple[Listener, ...]:
        """Where doors open beside the main listener; the probes of a process that has none."""
        probes = Listener("probes", host=self.settings.host, port=self.settings.probe_port)
        return (*self.settings.listeners, probes) if self.settings.probe_port else self.settings.listeners

    def _doors(self, ports: Ports, console: AsgiApp | None) -> Gateway:
        return Gateway(
            self.pipeline if "gateway" in self._roles else None,
            ports,
            fallback=console,
            ready=self.health.causes,
            notes=self.health.notes,
            metrics=self.metrics.render,
        )

    def _console(self) -> AsgiApp:
        # Here, because gateways, workers and relays of their own need neither Flask nor pages.
        from bus.console.app import create_app
        from bus.console.mount import MountedConsole
        from bus.console.ports import ConsolePorts

        console = ConsolePorts(
            settings=self.settings,
            registry=self.registry,
            reader=self.reader,
            users=Users(self.settings),
            workflows=Instances(self.state, self.registry),
            parked=Parked(self.state, self.registry),
            dead_letters=DeadLetters(self.state),
            downtimes=Desk(self.state, lambda: self.registry.snapshot.systems, self.settings.timezone),
            endpoints=self.connector.describe,
            refused=lambda: str(self.registry.problem or ""),
        )
        return MountedConsole(create_app(console))

    def _seed(self) -> None:
        """An empty registry starts with the configured catalogue, or with the shipped hospital."""
        if self.store.active() == 0:
            catalogue = read_folder(self.settings.catalogue or SHIPPED)
            self.store.apply(catalogue, "meridian", "first start")


def _warn(problem: RegistryError) -> None:
    """Whatever keeps a revision out, the running one stays; one that does not compile here, somebody has to mend."""
    first, *more = str(problem).splitlines()
    if isinstance(problem, RegistryUnavailable):
        _log.warning("registry away", reason=first)
    else:
        _log.error("revision refused", problem=first, further_problems=len(more))
