"""Where ``meridian workflow`` reads instances and gives orders: the stores, or the admin API of the running bus.

Embedded stores have one writer, the running bus, so orders go to it; a PostgreSQL store is written straight.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Protocol

from bus.client.admin import AdminApi, own_address
from bus.commands.operator import operator
from bus.commands.state_reading import reading
from bus.commands.stores import opened
from bus.console.masking import masked_keys
from bus.console.moments import read
from bus.errors import NotFound
from bus.orchestration.instances import Instances, Wanted, get_instance, list_instances
from bus.orchestration.orders import Outcome
from bus.orchestration.stimuli import Order
from bus.orchestration.tasks import list_tasks
from bus.settings import Settings

Entry = Mapping[str, Any]


class Desk(Protocol):
    """Reads instances, and gives them orders in the name of whoever runs the command. Times are Unix seconds."""

    def page(self, wanted: Wanted) -> Sequence[Entry]: ...
    def one(self, instance: str) -> Entry | None: ...
    def tasks(self) -> Sequence[Entry]: ...
    def foresee(self, instance: str, order: Order) -> Outcome: ...
    def order(self, instance: str, order: Order, *, reason: str) -> Outcome: ...


@contextmanager
def open_desk(settings: Settings, *, url: str = "", user: str = "", password: str = "") -> Iterator[Desk]:
    """The admin API at ``url`` if one is given, else PostgreSQL, else the embedded files beside the running bus."""
    who = f"{operator()} (command line)"
    if url or not settings.database:
        remote = RemoteDesk(AdminApi(settings, url.rstrip("/") or own_address(settings), who, user, password))
        yield remote if url else EmbeddedDesk(settings, remote)
        return
    with opened(settings) as (state, registry):
        yield StoreDesk(Instances(state, registry), who)


class StoreDesk:
    """A store that may be written from here."""

    def __init__(self, instances: Instances, who: str) -> None:
        self._instances = instances
        self._who = who
        self.tasks = instances.tasks
        self.foresee = instances.foresee

    def page(self, wanted: Wanted) -> Sequence[Entry]:
        return [_shown(one) for one in self._instances.page(wanted)]

    def one(self, instance: str) -> Entry | None:
        found = self._instances.one(instance)
        return _shown(found) if found else None

    def order(self, instance: str, order: Order, *, reason: str) -> Outcome:
        """Carry the order out here; workers go on from there."""
        return self._instances.order(instance, order, who=self._who, reason=reason)


class RemoteDesk:
    """The admin API of a running bus."""

    def __init__(self, api: AdminApi) -> None:
        self._api = api

    def page(self, wanted: Wanted) -> Sequence[Entry]:
        """As many pages of the API as are needed for what is wanted."""
        older = time.time() - wanted.started_before if wanted.started_before else 0.0
        asked: dict[str, Any] = {"status": wanted.status, "workflow": wanted.workflow, "key": wanted.key}
        asked |= {"older_than": older, "before": wanted.before, "limit": min(wanted.limit, 500)}
        answered = self._api.post("/workflows/search", asked)
        found = [read(one) for one in answered["instances"]]
        if answered["next"] and len(found) < wanted.limit:
            return [*found, *self.page(replace(wanted, before=answered["next"], limit=wanted.limit - len(found)))]
        return found

    def one(self, instance: str) -> Entry | None:
        try:
            found = read(self._api.get(f"/workflows/{instance}"))
        except NotFound:
            return None
        return {**found, "verbs": {one["verb"]: tuple(one["steps"]) for one in found["verbs"]}}

    def tasks(self) -> Sequence[Entry]:
        return [read(one) for one in self._api.get("/workflows/tasks")["tasks"]]

    def foresee(self, instance: str, order: Order) -> Outcome:
        return self._send(instance, order, dry_run=True)

    def order(self, instance: str, order: Order, *, reason: str) -> Outcome:
        return self._send(instance, order, reason=reason)

    def _send(self, instance: str, order: Order, **more: Any) -> Outcome:
        body = {"step": order.step, "reply": order.reply, "to": order.to, **more}
        answered = self._api.post(f"/workflows/{instance}/{order.verb}", body)
        lists: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in answered.items()
        }
        return Outcome(**lists)


class EmbeddedDesk:
    """The files of a bus on this machine: read beside it, and written by it alone."""

    def __init__(self, settings: Settings, bus: RemoteDesk) -> None:
        self._settings = settings
        self.foresee = bus.foresee
        self.order = bus.order

    def page(self, wanted: Wanted) -> Sequence[Entry]:
        with reading(self._settings) as connection:
            return [_shown(one) for one in list_instances(connection, wanted)]

    def one(self, instance: str) -> Entry | None:
        with reading(self._settings) as connection:
            found = get_instance(connection, instance)
        return _shown(found) if found else None

    def tasks(self) -> Sequence[Entry]:
        with reading(self._settings) as connection:
            return list_tasks(connection)


def _shown(one: Entry) -> Entry:
    """An instance without what it knows of the patient."""
    return {name: value for name, value in one.items() if name not in ("input", "vars")} | {
        "keys": masked_keys(one["keys"])
    }
